// The other side of tests/interop/mdoc.py and of the benchmark: @owf/mdoc with Node's own cryptography.
//   node mdoc.mjs FOLDER < jobs.json      FOLDER holds node_modules; the answers come as JSON, in the same order
import { X509Certificate, createHash, createPrivateKey, createPublicKey, randomBytes, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const { CoseKey, DeviceKey, DeviceRequest, DeviceResponse, DocRequest, Holder, Issuer, IssuerSigned, ItemsRequest,
  SessionTranscript, Verifier } = await import(
  pathToFileURL(join(process.argv[2], 'node_modules/@owf/mdoc/dist/index.mjs')).href);

const ES256 = -7;
const bytes = (text) => new Uint8Array(Buffer.from(text, 'base64url'));
const text = (value) => Buffer.from(value).toString('base64url');
const raw = { dsaEncoding: 'ieee-p1363' };
const nodeKey = (jwk, create) => create({ key: jwk, format: 'jwk' });
const publicJwk = ({ x, y }) => ({ kty: 'EC', crv: 'P-256', x: text(x), y: text(y) });

const context = {
  crypto: {
    random: (length) => new Uint8Array(randomBytes(length)),
    digest: ({ digestAlgorithm, bytes }) =>
      new Uint8Array(createHash(digestAlgorithm.replace('-', '').toLowerCase()).update(bytes).digest()),
    calculateEphemeralMacKey: () => { throw new Error('no MAC is made here'); },
  },
  cose: {
    sign1: {
      sign: ({ toBeSigned, key }) => {
        const jwk = { ...publicJwk(key), d: text(key.d) };
        return new Uint8Array(sign('sha256', toBeSigned, { key: nodeKey(jwk, createPrivateKey), ...raw }));
      },
      verify: ({ sign1, key }) => {
        if (sign1.signatureAlgorithmName !== 'ES256') throw new Error(`alg ${sign1.signatureAlgorithmName}`);
        const signer = nodeKey(publicJwk(key), createPublicKey);
        return verify('sha256', sign1.toBeSigned, { key: signer, ...raw }, sign1.signature);
      },
    },
    mac0: { sign: () => { throw new Error('no MAC'); }, verify: () => { throw new Error('no MAC'); } },
  },
  x509: {
    getIssuerNameField: ({ certificate, field }) =>
      new X509Certificate(certificate).issuer.split('\n').filter((line) => line.startsWith(`${field}=`))
        .map((line) => line.slice(field.length + 1)),
    getPublicKey: ({ certificate }) =>
      CoseKey.fromJwk(new X509Certificate(certificate).publicKey.export({ format: 'jwk' })),
    verifyCertificateChain: ({ trustedCertificates, x5chain, now }) => {
      const signer = new X509Certificate(x5chain[0]);
      const roots = trustedCertificates.map((each) => new X509Certificate(each));
      if (!roots.some((root) => signer.checkIssued(root) && signer.verify(root.publicKey))) throw new Error('no trusted root');
      if (now < new Date(signer.validFrom) || now > new Date(signer.validTo)) throw new Error('certificate not valid now');
    },
    getCertificateData: ({ certificate }) => {
      const each = new X509Certificate(certificate);
      return {
        issuerName: each.issuer, subjectName: each.subject, serialNumber: each.serialNumber,
        thumbprint: each.fingerprint256, notBefore: new Date(each.validFrom), notAfter: new Date(each.validTo),
        pem: each.toString(),
      };
    },
  },
};

const session = ({ clientId, nonce, responseUri }) =>
  SessionTranscript.forOid4Vp({ clientId, nonce, responseUri }, context);

const check = async ({ response, roots, now, ...to }) =>
  await Verifier.verifyDeviceResponse({
    deviceResponse: bytes(response),
    sessionTranscript: await session(to),
    trustedCertificates: roots.map(bytes),
    now: new Date(now),
  }, context);

const jobs = {
  async transcript(to) {
    return text((await session(to)).encode());
  },
  async verify(job) {
    await check(job);
    const [document] = DeviceResponse.decode(bytes(job.response)).documents;
    return document.issuerSigned.getPrettyClaims(job.namespace);
  },
  async accept({ issued, roots, now }) {
    await Holder.verifyIssuerSigned({
      issuerSigned: issued, trustedCertificates: roots.map(bytes), now: new Date(now) }, context);
    return true;
  },
  async issue({ docType, namespace, elements, key, chain, device, signed, validUntil }) {
    const issuer = new Issuer(docType, context).addIssuerNamespace(namespace, elements);
    const issued = await issuer.sign({
      signingKey: CoseKey.fromJwk(key),
      algorithm: ES256,
      digestAlgorithm: 'SHA-256',
      certificates: chain.map(bytes),
      deviceKeyInfo: { deviceKey: DeviceKey.fromJwk(device) },
      validityInfo: { signed: new Date(signed), validFrom: new Date(signed), validUntil: new Date(validUntil) },
    });
    return issued.encodedForOid4Vci;
  },
  async present({ issued, docType, namespace, wanted, device, ...to }) {
    const itemsRequest = ItemsRequest.create({
      docType, namespaces: new Map([[namespace, new Map(wanted.map((name) => [name, false]))]]) });
    const response = await Holder.createDeviceResponseForDeviceRequest({
      deviceRequest: DeviceRequest.create({ docRequests: [DocRequest.create({ itemsRequest })] }),
      issuerSigned: [IssuerSigned.fromEncodedForOid4Vci(issued)],
      sessionTranscript: await session(to),
      signature: { signingKey: CoseKey.fromJwk({ ...device, alg: 'ES256' }) },
    }, context);
    return text(response.encode());
  },
  // Microseconds for one verification, over at least `seconds`.
  async time({ seconds, ...job }) {
    const until = performance.now() + seconds * 1000;
    let number = 0;
    const begun = performance.now();
    for (; performance.now() < until; number++) await check(job);
    return ((performance.now() - begun) / number) * 1000;
  },
};

const answers = [];
for (const job of JSON.parse(readFileSync(0, 'utf8'))) {
  try {
    answers.push({ value: await jobs[job.job](job) });
  } catch (error) {
    answers.push({ error: String(error?.message ?? error) });
  }
}
process.stdout.write(JSON.stringify(answers));
