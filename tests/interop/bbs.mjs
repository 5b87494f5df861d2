// The other side of tests/interop/bbs.py: @digitalbazaar/bbs-signatures.
//   node bbs.mjs FOLDER < jobs.json      FOLDER holds node_modules; the answers come as JSON, in the same order
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const bbs = await import(
  pathToFileURL(join(process.argv[2], 'node_modules/@digitalbazaar/bbs-signatures/lib/index.js')).href);

const bytes = (hex) => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (value) => Buffer.from(value).toString('hex');
const common = ({ suite, public: publicKey, header }) => (
  { ciphersuite: suite, publicKey: bytes(publicKey), header: bytes(header) });

const jobs = {
  async sign({ secret, messages, ...rest }) {
    return hex(await bbs.sign({ ...common(rest), secretKey: bytes(secret), messages: messages.map(bytes) }));
  },
  async verify({ signature, messages, ...rest }) {
    return await bbs.verifySignature({ ...common(rest), signature: bytes(signature), messages: messages.map(bytes) });
  },
  async prove({ signature, messages, disclosed, ph, ...rest }) {
    return hex(await bbs.deriveProof({
      ...common(rest), signature: bytes(signature), messages: messages.map(bytes), presentationHeader: bytes(ph),
      disclosedMessageIndexes: disclosed,
    }));
  },
  async check({ proof, messages, disclosed, ph, ...rest }) {
    return await bbs.verifyProof({
      ...common(rest), proof: bytes(proof), presentationHeader: bytes(ph), disclosedMessageIndexes: disclosed,
      disclosedMessages: disclosed.map((index) => bytes(messages[index])),
    });
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
