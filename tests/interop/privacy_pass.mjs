// The other side of tests/interop/privacy_pass.py: @cloudflare/privacypass-ts and @cloudflare/blindrsa-ts.
//   node privacy_pass.mjs FOLDER      FOLDER holds node_modules; one JSON job a line, one JSON answer a line
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const load = (name) => import(pathToFileURL(join(process.argv[2], 'node_modules', name)).href);
const pp = await load('@cloudflare/privacypass-ts/lib/src/index.js');
const { RSABSSA, RSAPBSSA } = await load('@cloudflare/blindrsa-ts/lib/src/index.js');
const { publicVerif: pv, genericBatched: gb, TOKEN_TYPES } = pp;

const bytes = (text) => new Uint8Array(Buffer.from(text, 'base64url'));
const text = (value) => Buffer.from(value).toString('base64url');
const PSS = pv.BlindRSAMode.PSS;
const ALGORITHM = { name: 'RSA-PSS', hash: 'SHA-384' };
const kinds = { 0x0002: TOKEN_TYPES.BLIND_RSA, 0xda7a: TOKEN_TYPES.PARTIALLY_BLIND_RSA };
const waiting = new Map();

const extensions = (job) => (job.extensions ? pp.Extensions.deserialize(bytes(job.extensions)) : undefined);
const publicKey = (spki) => crypto.subtle.importKey('spki', pv.convertRSASSAPSSToEnc(bytes(spki)), ALGORITHM, true, ['verify']);
const privateKey = (pkcs8) => crypto.subtle.importKey('pkcs8', bytes(pkcs8), ALGORITHM, true, ['sign']);
const client = (job) => (job.extensions ? new pv.ClientWithMetadata(PSS, extensions(job)) : new pv.Client(PSS));
const issuerOf = async (job, key) => {
  const pair = [await privateKey(key.pkcs8), await publicKey(key.spki)];
  return job.extensions
    ? new pv.IssuerWithMetadata(PSS, 'issuer', ...pair) : new pv.Issuer(PSS, 'issuer', ...pair);
};

const jobs = {
  // What a client makes of our WWW-Authenticate header.
  async request(job) {
    const [header] = pp.WWWAuthenticateHeader.parse(job.header);
    const made = [];
    for (let i = 0; i < (job.count ?? 1); i++) {
      const each = client(job);
      made.push([each, await each.createTokenRequest(header.challenge, header.tokenKey)]);
    }
    waiting.set(job.id, made.map(([each]) => each));
    const message = job.count
      ? new gb.Client().createTokenRequest(made.map(([, each]) => new gb.TokenRequest(each))) : made[0][1];
    return text(message.serialize());
  },
  // The tokens from the issuer's answer, as Authorization headers.
  async finalize(job) {
    const clients = waiting.get(job.id);
    const answers = job.batch
      ? gb.GenericBatchTokenResponse.deserialize(bytes(job.response)).tokenResponses.map((each) => each.tokenResponse)
      : [clients[0].deserializeTokenResponse(bytes(job.response))];
    const tokens = await Promise.all(answers.map((each, i) => clients[i].finalize(each)));
    // Its header leaves the extensions out.
    const more = job.extensions ? `, extensions="${Buffer.from(bytes(job.extensions)).toString('base64')}"` : '';
    return tokens.map((token) => `${new pp.AuthorizationHeader(token).toString(true)}${more.replaceAll('+', '-').replaceAll('/', '_')}`);
  },
  // What their issuer makes of our request.
  async issue(job) {
    const issuers = await Promise.all(job.keys.map((key) => issuerOf(job, key)));
    if (job.batch) {
      const answer = await new gb.Issuer(...issuers).issue(gb.BatchedTokenRequest.deserialize(bytes(job.request)));
      return text(answer.serialize());
    }
    const request = job.extensions
      ? pv.ExtendedTokenRequest.deserialize(bytes(job.request))
      : pv.TokenRequest.deserialize(TOKEN_TYPES.BLIND_RSA, bytes(job.request));
    return text((await issuers[0].issue(request)).serialize());
  },
  // Whether their origin accepts a token in our header.
  async verify(job) {
    const [shown] = pp.AuthorizationHeader.parse(kinds[job.type], job.header);
    const origin = shown.extensions
      ? new pv.OriginWithMetadata(PSS, shown.extensions) : new pv.Origin(PSS);
    return origin.verify(shown.token, await publicKey(job.spki));
  },
  // The whole of blindrsa-ts against our half of it.
  async blind(job) {
    const suite = (job.info === undefined ? RSABSSA : RSAPBSSA).SHA384[job.variant][job.preparation]();
    const info = job.info === undefined ? [] : [bytes(job.info)];
    const key = await publicKey(job.spki);
    const prepared = suite.prepare(bytes(job.message));
    const { blindedMsg, inv } = await suite.blind(key, prepared, ...info);
    waiting.set(job.id, async (signature) => suite.finalize(key, prepared, ...info, signature, inv));
    return { prepared: text(prepared), blinded: text(blindedMsg) };
  },
  async unblind(job) {
    return text(await waiting.get(job.id)(bytes(job.signature)));
  },
  async sign(job) {
    const suite = (job.info === undefined ? RSABSSA : RSAPBSSA).SHA384[job.variant][job.preparation]();
    const info = job.info === undefined ? [] : [bytes(job.info)];
    return text(await suite.blindSign(await privateKey(job.pkcs8), bytes(job.blinded), ...info));
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const job = JSON.parse(line);
    answer = { value: await jobs[job.job](job) };
  } catch (error) {
    answer = { error: String(error.message ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
