// Owns what every TypeScript client must find out, whichever SDK it is built on: one line of JSON for each check.

import { createHash } from "node:crypto";
import assert from "node:assert/strict";

const { truth } = JSON.parse(process.env.COMPANY);

/**
 * Run every check on a fresh connection.
 *
 * `connect(token)` gives `{client, version, name, instructions}`, already past the handshake.
 */
export async function checkAll(connect, { url, token, version }) {
  const connected = await check("connects", async () => {
    const made = await connect(url, token);
    assert.equal(made.version, version);
    assert.equal(made.name, "skillport-sync");
    assert.match(made.instructions, /SKILL\.md/);
    return [made, `speaks ${made.version}`];
  });
  if (connected === undefined) return;
  const { client } = connected;
  const ask = (args) => client.callTool({ name: truth.tool, arguments: args });

  await check("lists exactly one tool", async () => {
    const { tools } = await client.listTools();
    assert.deepEqual(tools.map((tool) => tool.name), [truth.tool]);
    assert.equal(tools[0].annotations.readOnlyHint, true);
    assert.equal(tools[0].annotations.destructiveHint, false);
    return [tools];
  });

  await check("list: the skills this person may read", async () => {
    const { structuredContent: answer } = await ask({ operation: "list" });
    assert.deepEqual(answer.skills.map((skill) => skill.name).sort(), truth.skills);
    assert.equal(answer.snapshot.commit, truth.commit);
    return [answer, `${answer.total} skills`];
  });

  for (const [kind, file] of [["text", truth.text], ["binary", truth.binary]]) {
    await check(`fetch: the bytes of a ${kind} file`, async () => {
      const answer = await ask({ operation: "fetch", skill: file.skill, paths: [file.path] });
      const bytes = bytesOf(answer);
      assert.equal(bytes.length, file.size_bytes);
      assert.equal(sha256(bytes), file.sha256);
      assert.equal(answer.structuredContent.snapshot.commit, truth.commit);
      return [answer, `${bytes.length} bytes, sha256 ${file.sha256.slice(0, 10)}…`];
    });
  }

  await check("fetch: SKILL.md and the file list", async () => {
    const answer = await ask({ operation: "fetch", skill: truth.text.skill });
    assert.match(bytesOf(answer).toString("utf8"), new RegExp(`^---\\nname: ${truth.text.skill}\\n`));
    const listed = answer.structuredContent.files.find((file) => file.path === truth.text.path);
    assert.deepEqual([listed.sha256, listed.size_bytes, listed.executable], [truth.text.sha256, truth.text.size_bytes, true]);
    return [answer, `${answer.structuredContent.files.length} files`];
  });

  await check("version: the history of a skill", async () => {
    const { structuredContent: answer } = await ask({ operation: "version", skill: truth.text.skill });
    assert.equal(answer.history[0].commit, truth.commit);
    assert.equal(answer.history[0].revision, answer.skill.revision);
    const installed = [{ name: truth.text.skill, revision: answer.skill.revision }, { name: "nothing-of-ours" }];
    const { structuredContent: updates } = await ask({ operation: "version", installed });
    assert.deepEqual(updates.installed.map((one) => one.status), ["up_to_date", "gone"]);
    return [answer];
  });

  await check("whoami", async () => {
    const { structuredContent: answer } = await ask({ operation: "whoami" });
    assert.equal(answer.id, truth.person);
    return [answer, answer.id];
  });

  await check("an unknown skill is an error with a sentence", async () => {
    const sentences = [];
    for (const skill of ["no-such-skill", truth.hidden]) {
      const answer = await ask({ operation: "fetch", skill });
      assert.equal(answer.isError, true);
      assert.match(answer.content[0].text, new RegExp(`'${skill}'.*\\.$`, "s"));
      sentences.push(answer.content[0].text.replaceAll(skill, "…"));
    }
    assert.equal(sentences[0], sentences[1], "what may not be read is told apart from what does not exist");
    return [sentences];
  });

  await check("a mistake is an error that says what to send", async () => {
    const answer = await ask({ operation: "fetch" });
    assert.equal(answer.isError, true);
    assert.match(answer.content[0].text, /skill/);
    return [answer];
  });

  await check("calls in parallel each get their own answer", async () => {
    const calls = Array.from({ length: 60 }, (_, at) => truth.skills[at % truth.skills.length]);
    const answers = await Promise.all(calls.map((skill) => ask({ operation: "fetch", skill })));
    assert.deepEqual(answers.map((answer) => answer.structuredContent.skill.name), calls);
    return [answers, `${calls.length} calls`];
  });

  await check("closes", async () => [await client.close()]);

  await check("a wrong token is refused", async () => {
    await assert.rejects(connect(url, `${token}x`), (error) => {
      assert.match(`${error} ${JSON.stringify(error)}`, /401|[Uu]nauthorized|invalid_token/);
      return true;
    });
    return [];
  });
}

async function check(name, look) {
  try {
    const [seen, note = ""] = await look();
    say({ check: name, passed: true, note });
    return seen;
  } catch (error) {
    say({ check: name, passed: false, note: `${error.stack ?? error}`.slice(0, 800) });
    return undefined;
  }
}

function bytesOf(answer) {
  assert.notEqual(answer.isError, true, answer.content[0]?.text);
  const { resource } = answer.content.find((block) => block.type === "resource");
  return resource.text === undefined ? Buffer.from(resource.blob, "base64") : Buffer.from(resource.text, "utf8");
}

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
