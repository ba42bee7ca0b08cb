/** Signing, verifying and digests, by argument (law 2). Synchronous, so that a simulation needs no thread pool. */
export interface Keys {
  /** SHA-256. */
  digest(data: Uint8Array): Uint8Array;
  /** Secret random bytes. */
  secret(length: number): Uint8Array;
  /** Signs with the service-account key; JWS algorithm and key id in `signing`. */
  sign(data: Uint8Array): Uint8Array;
  /** Whether any trusted key with this id made the signature. Unknown key id: false. */
  verify(keyId: string, data: Uint8Array, signature: Uint8Array): boolean;
  /** What a token's header says of the signing key. */
  readonly signing: { readonly algorithm: 'RS256' | 'ES256' | 'HS256'; readonly keyId: string };
  /** The keys that verify, as `/openid/v1/jwks` publishes them; none for a shared secret. */
  publicKeys?(): readonly PublicKey[];
}

/** A public key in the form of RFC 7517. */
export interface PublicKey {
  readonly use: 'sig';
  readonly kty: string;
  readonly kid: string;
  readonly alg: string;
  readonly [parameter: string]: string;
}

/** A signature by somebody's own key, as certificate requests have it. */
export interface SignedBytes {
  /** What stands in the AlgorithmIdentifier (RFC 5280): the object identifier and its parameters, in DER. */
  readonly algorithm: Uint8Array;
  /** SubjectPublicKeyInfo, in DER. */
  readonly publicKey: Uint8Array;
  readonly data: Uint8Array;
  readonly signature: Uint8Array;
  /** Of RSA-PSS: any length of salt will do, not only that of the hash. */
  readonly anySalt?: boolean;
}

/** Undefined: the signature holds. Else why not, in the words of Go's `crypto/x509`. */
export type VerifySignature = (signed: SignedBytes) => string | undefined;
