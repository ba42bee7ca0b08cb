"""What the distribution's Python client does with a real cluster. Prints one JSON line; any exception fails the test."""
import json
import sys

from kubernetes import client, config, utils, watch

config.load_kube_config(sys.argv[1])
core, apps, storage, version = client.CoreV1Api(), client.AppsV1Api(), client.StorageV1Api(), client.VersionApi()
seen = {"version": version.get_code().major, "nodes": len(core.list_node().items), "classes": len(storage.list_storage_class().items)}

core.create_namespace({"metadata": {"name": "py"}})
made = core.create_namespaced_config_map("py", client.V1ConfigMap(metadata=client.V1ObjectMeta(name="m", labels={"from": "python"}), data={"a": "1"}))
core.patch_namespaced_config_map("m", "py", {"data": {"b": "2"}})
core.patch_namespaced_config_map("m", "py", [{"op": "add", "path": "/data/c", "value": "3"}])
read = core.read_namespaced_config_map("m", "py")
seen["data"] = dict(read.data)
read.data["a"] = "9"
replaced = core.replace_namespaced_config_map("m", "py", read)
try:
    core.replace_namespaced_config_map("m", "py", read)
except client.exceptions.ApiException as e:
    seen["stale"] = [e.status, json.loads(e.body)["reason"]]
seen["selected"] = [i.metadata.name for i in core.list_namespaced_config_map("py", label_selector="from=python").items]

first = core.list_namespaced_config_map("py", limit=1)
seen["chunked"] = len(first.items) + len(core.list_namespaced_config_map("py", limit=100, _continue=first.metadata._continue).items)

core.delete_namespaced_config_map("m", "py")
events = []
stream = watch.Watch()
for event in stream.stream(core.list_namespaced_config_map, "py", resource_version=made.metadata.resource_version, timeout_seconds=20):
    if event["object"].metadata.name != "m":
        continue
    events.append(event["type"])
    if event["type"] == "DELETED":
        stream.stop()
seen["events"] = events

utils.create_from_dict(client.ApiClient(), {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "py"}, "spec": {
    "replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "busybox:1.36"}]}}}})
apps.patch_namespaced_deployment_scale("d", "py", {"spec": {"replicas": 2}})
seen["replicas"] = apps.read_namespaced_deployment_scale("d", "py").spec.replicas
custom = client.CustomObjectsApi().list_namespaced_custom_object("apps", "v1", "py", "deployments")
seen["custom"] = [i["metadata"]["name"] for i in custom["items"]]
core.delete_namespace("py", propagation_policy="Foreground")
print(json.dumps(seen))
