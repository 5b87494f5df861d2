// The other side of tests/interop/sd_jwt.py: @sd-jwt/sd-jwt-vc, with Node's ECDSA and @noble's ML-DSA.
//   node sd_jwt.mjs FOLDER < jobs.json      FOLDER holds node_modules; the answers come as JSON, in the same order
import { createHash, randomBytes, webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const { resolve } = createRequire(`${process.argv[2]}/package.json`);
const load = async (name) => await import(pathToFileURL(resolve(name)).href);
const { SDJwtVcInstance } = await load('@sd-jwt/sd-jwt-vc');
const { ml_dsa44 } = await load('@noble/post-quantum/ml-dsa.js');

const bytes = (text) => new Uint8Array(Buffer.from(text, 'base64url'));
const utf8 = (text) => new TextEncoder().encode(text);
const curve = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

const verifier = (jwk) => async (data, signature) => {
  if (jwk.kty === 'AKP') return ml_dsa44.verify(bytes(signature), utf8(data), bytes(jwk.pub));
  const key = await webcrypto.subtle.importKey('jwk', jwk, curve, false, ['verify']);
  return webcrypto.subtle.verify(curve, key, bytes(signature), utf8(data));
};

const signer = (jwk) => async (data) => {
  if (jwk.kty === 'AKP') {
    const { secretKey } = ml_dsa44.keygen(bytes(jwk.priv));
    return Buffer.from(ml_dsa44.sign(utf8(data), secretKey)).toString('base64url');
  }
  const key = await webcrypto.subtle.importKey('jwk', jwk, curve, false, ['sign']);
  return Buffer.from(await webcrypto.subtle.sign(curve, key, utf8(data))).toString('base64url');
};

const shared = {
  hasher: (data, alg) => new Uint8Array(createHash(alg.replace('-', '')).update(data).digest()),
  hashAlg: 'sha-256',
  saltGenerator: () => randomBytes(16).toString('base64url'),
};

const alg = (jwk) => (jwk.kty === 'AKP' ? jwk.alg : 'ES256');

const jobs = {
  async verify({ token, issuer, audience, nonce, now }) {
    const instance = new SDJwtVcInstance({
      ...shared,
      verifier: verifier(issuer),
      kbVerifier: async (data, signature, payload) => await verifier(payload.cnf.jwk)(data, signature),
    });
    const { payload, kb } = await instance.verify(token, { keyBindingNonce: nonce, currentDate: now });
    // The library leaves the audience to whoever calls it.
    if (kb.payload.aud !== audience) throw new Error(`made for ${kb.payload.aud}`);
    return payload;
  },
  async issue({ claims, hidden, key, kid }) {
    const instance = new SDJwtVcInstance({ ...shared, signer: signer(key), signAlg: alg(key) });
    return await instance.issue(claims, hidden, { header: { kid } });
  },
  async present({ token, show, key, audience, nonce, now }) {
    const instance = new SDJwtVcInstance({ ...shared, kbSigner: signer(key), kbSignAlg: alg(key) });
    return await instance.present(token, show, { kb: { payload: { iat: now, aud: audience, nonce } } });
  },
};

const answers = [];
for (const { job, ...rest } of JSON.parse(readFileSync(0, 'utf8'))) {
  try {
    answers.push({ value: await jobs[job](rest) });
  } catch (error) {
    answers.push({ error: String(error.message ?? error) });
  }
}
console.log(JSON.stringify(answers));
