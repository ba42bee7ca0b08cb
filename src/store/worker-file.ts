/** Where a worker's file is: beside this one, `.ts` in source, `.js` in a bundle (which must emit the workers beside itself). */
export function workerFile(name: 'sqlite-worker' | 'sqlite-checkpoint'): URL {
  return new URL(`./${name}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
}
