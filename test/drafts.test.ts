import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { ConfigError } from "../src/errors.ts";
import { issues } from "../src/node/commands/issues.ts";
import { run } from "../src/node/commands/run.ts";
import { collectOptions } from "../src/plan/options.ts";
import { buildPlan } from "../src/plan/plan.ts";
import { shellQuote } from "../src/report/command.ts";
import { handoffNotes } from "../src/report/drafts/handoff.ts";
import { draftIssues, ghIssueCreate, renderDraft } from "../src/report/drafts/issue.ts";
import { renderPullRequest } from "../src/report/drafts/pr-body.ts";
import { draftRefusal, refusalKind, withoutSecrets } from "../src/report/drafts/refusal.ts";
import type { Finding, Report } from "../src/report/types.ts";
import { buildOf, completeOf } from "./fixtures/reports/run.ts";

const finding: Finding = {
  rank: 1,
  id: "Write Stalls!",
  severity: "major",
  title: "It's stalling; $(touch pwned) `x`\n| y",
  evidence: [{ metric: "p99 | ms", value: 900, reference: null }],
  remediation: "Commit <in> groups",
  labels: ["load-test", "requires-security-review"],
  confidence: "high",
  counterEvidence: [],
  cost: 1,
  page: "docs/findings.md#write-stalls",
};
const report: Report = {
  ...completeOf(buildOf()),
  findings: [finding, { ...finding, rank: 2, id: "note", severity: "info" }],
};

const slugOf = (id: string) => id.toLowerCase().replace(/[^a-z0-9]+/g, "-");
const FIRST = `${slugOf(report.run.id)}-01-write-stalls`;

const ROOT = fileURLToPath(new URL("..", import.meta.url));

let dir = "";
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "k6-nostr-drafts-"));
  await writeFile(join(dir, "report.json"), JSON.stringify(report));
});
afterEach(() => rm(dir, { recursive: true }));

describe("drafts of issues", () => {
  it("are made for findings of severity minor and up, with all that reproduces the run", () => {
    const [draft, ...rest] = draftIssues(report);
    assert.ok(draft);
    assert.equal(rest.length, 0);
    assert.equal(draft.name, `${slugOf(report.run.id)}-01-write-stalls`);
    const text = renderDraft(draft, "out/01.body.md");
    for (const part of [
      "| p99 \\| ms | 900 | – |",
      "Commit \\<in\\> groups",
      "Labels: load-test, requires-security-review",
      "--seed seed-1",
      "seed `seed-1`, pool `0123456789abcdef`",
      report.run.planHash,
      report.run.tool,
      "gh issue create --title 'It'\\''s stalling; $(touch pwned) `x` | y' --body-file out/01.body.md",
    ]) {
      assert.ok(text.includes(part), part);
    }
  });

  it("quote for the shell whatever a text holds", () => {
    const words = fc.array(
      fc.oneof(
        fc.string(),
        fc.constantFrom("'", "$(id)", "`id`", "\\", "-rf", "~", "*", '"', ";", "!"),
      ),
      { minLength: 1, maxLength: 20 },
    );
    fc.assert(
      fc.property(words, (texts) => {
        const script = `printf '%s\\0' ${texts.map(shellQuote).join(" ")}`;
        const printed = execFileSync("sh", ["-c", script], { encoding: "utf8" });
        assert.deepEqual(printed.split("\0").slice(0, -1), texts);
      }),
      { numRuns: 50 },
    );
    assert.equal(shellQuote("a\n\u001b[2J"), "'a  [2J'");
  });

  it("give gh one title, one body and each label", () => {
    const [draft] = draftIssues(report);
    assert.ok(draft);
    const script = `gh() { printf '%s\\0' "$@"; }; ${ghIssueCreate(draft, "a b.md")}`;
    const { stdout } = spawnSync("sh", ["-c", script], { encoding: "utf8", cwd: dir });
    assert.deepEqual(stdout.split("\0").slice(0, -1), [
      "issue",
      "create",
      "--title",
      "It's stalling; $(touch pwned) `x` | y",
      "--body-file",
      "a b.md",
      "--label",
      "load-test",
      "--label",
      "requires-security-review",
    ]);
  });
});

describe("the text of a pull request", () => {
  it("has safety, command, configuration, summary, next steps, branch and title", () => {
    const text = renderPullRequest(report);
    for (const part of [
      "does not target public relays; requires RELAY_URL",
      'npx k6-nostr run publish --relay "$RELAY_URL"',
      "Branch: `ai/load-test-20260102`",
      "Title: `test(load): publish at 100 events/s, 2026-01-02`",
      "verdict on the run: **valid**",
      "thresholds: **all met**",
      "- [ ] It's stalling",
    ]) {
      assert.ok(text.includes(part), part);
    }
    assert.doesNotMatch(text, /NaN|undefined|\bnull\b/);
    const invalid = { ...report, generator: { ...report.generator, verdict: "invalid" as const } };
    assert.match(renderPullRequest(invalid), /thresholds: \*\*not judged\*\*/);
  });

  it("speaks of what the scenario is about", () => {
    const flags = { relay: "ws://127.0.0.1:7777", "query-rate": "40", corpus: "relay" };
    const plan = buildPlan("query", collectOptions(flags, {}, "query"), "seed-1");
    const text = renderPullRequest(buildOf({ plan, slices: [] }));
    for (const part of [
      "Title: `test(load): query at 40 queries/s, 2026-01-02`",
      "1,000 clients, 40.0 queries/s, 600 s",
      "0 of 0 scheduled queries answered",
      "--query-rate 40 --corpus relay",
    ]) {
      assert.ok(text.includes(part), `${part}\n${text}`);
    }
  });
});

describe("k6-nostr issues", () => {
  it("writes drafts, the text of a pull request, and notes where their places are", async () => {
    const root = join(dir, "repo");
    for (const folder of ["src/context", "src/todo", "src/decisions"]) {
      await mkdir(join(root, folder), { recursive: true });
    }
    await writeFile(join(root, "KNOWN_ISSUES.md"), "# Known issues\n");
    const body = join(dir, "pr.md");
    await issues([join(dir, "report.json"), "--pr-body", body, "--handoff", root]);
    assert.deepEqual((await readdir(join(dir, "issues"))).sort(), [
      `${FIRST}.body.md`,
      `${FIRST}.md`,
      "handoff-layout.body.md",
      "handoff-layout.md",
    ]);
    assert.match(await readFile(body, "utf8"), /## Safety/);
    assert.match(
      await readFile(join(root, "KNOWN_ISSUES.md"), "utf8"),
      /^# Known[\s\S]*It's stalling/,
    );
    for (const folder of ["context", "todo", "decisions"]) {
      assert.deepEqual(await readdir(join(root, "src", folder)), [`load-test-${report.run.id}.md`]);
    }
    assert.deepEqual((await readdir(join(root, "src"))).sort(), ["context", "decisions", "todo"]);
    assert.deepEqual((await readdir(root)).sort(), ["KNOWN_ISSUES.md", "src"]);
    const layout = await readFile(join(dir, "issues", "handoff-layout.md"), "utf8");
    assert.match(layout, /- `docs\/agent-handoffs\/incidents\/`\n- `src\/test_logs\/`/);
    assert.match(layout, /> # Log of load test/);
  });

  it("finds the places for notes in this repository, and leaves what is written there", async () => {
    const root = join(dir, "copy");
    for (const place of ["KNOWN_ISSUES.md", "docs/agent-handoffs"]) {
      await cp(join(ROOT, place), join(root, place), { recursive: true });
    }
    const before = await readFile(join(root, "KNOWN_ISSUES.md"), "utf8");
    await issues([join(dir, "report.json"), "--handoff", root]);
    const note = `load-test-${report.run.id}.md`;
    assert.ok((await readdir(join(root, "docs/agent-handoffs/incidents"))).includes(note));
    const known = await readFile(join(root, "KNOWN_ISSUES.md"), "utf8");
    assert.ok(known.startsWith(before));
    assert.match(known.slice(before.length), /^\n## Load test .*\n\n- .*\(major\)/);
  });

  it("keeps what is there: edited drafts, notes, and the entry of the same run", async () => {
    const root = join(dir, "repo");
    await mkdir(join(root, "src/todo"), { recursive: true });
    await writeFile(join(root, "KNOWN_ISSUES.md"), "# Known issues\n");
    const args = [join(dir, "report.json"), "--handoff", root];
    await issues(args);
    const drafts = await readdir(join(dir, "issues"));
    await issues(args);
    assert.deepEqual(await readdir(join(dir, "issues")), drafts);
    const known = await readFile(join(root, "KNOWN_ISSUES.md"), "utf8");
    assert.equal(known.split("## Load test").length, 2);
    const edited = join(dir, "issues", `${FIRST}.md`);
    const todo = join(root, "src/todo", `load-test-${report.run.id}.md`);
    for (const file of [edited, todo]) await writeFile(file, "my words");
    await issues(args);
    for (const file of [edited, todo]) assert.equal(await readFile(file, "utf8"), "my words");
    assert.ok((await readdir(join(dir, "issues"))).includes(`${FIRST}-2.md`));
  });

  it("follows no link out of the repository", async () => {
    const [root, outside] = [join(dir, "repo"), join(dir, "outside")];
    for (const folder of [join(root, "src"), outside]) await mkdir(folder, { recursive: true });
    await writeFile(join(outside, "KNOWN_ISSUES.md"), "theirs\n");
    await symlink(join(outside, "KNOWN_ISSUES.md"), join(root, "KNOWN_ISSUES.md"));
    await symlink(outside, join(root, "src/todo"));
    await issues([join(dir, "report.json"), "--handoff", root]);
    assert.deepEqual(await readdir(outside), ["KNOWN_ISSUES.md"]);
    assert.equal(await readFile(join(outside, "KNOWN_ISSUES.md"), "utf8"), "theirs\n");
  });

  it("calls a run that went well neither an incident nor an issue", () => {
    const healthy: Report = { ...report, findings: [] };
    const textsOf = (r: Report) =>
      handoffNotes(r).flatMap(({ needs, text }) => (text === null ? [needs] : []));
    assert.deepEqual(textsOf(healthy), ["KNOWN_ISSUES.md", "docs/agent-handoffs/incidents"]);
    assert.deepEqual(textsOf(report), []);
    const invalid = { ...healthy, generator: { ...report.generator, verdict: "invalid" as const } };
    assert.deepEqual(textsOf(invalid), ["KNOWN_ISSUES.md"]);
  });

  it("notifies nobody whom a relay's text names", () => {
    const [draft] = draftIssues({
      ...report,
      findings: [{ ...finding, remediation: "ask @octocat or @org/team" }],
    });
    assert.doesNotMatch(draft?.body ?? "", /@(octocat|org)/);
  });

  it("refuses a repository that is not there", async () => {
    const args = [join(dir, "report.json"), "--handoff", join(dir, "nowhere")];
    await assert.rejects(issues(args), /--handoff must be a folder/);
  });
});

describe("run --draft", () => {
  const refusals: readonly (readonly [string, readonly string[], RegExp])[] = [
    ["target", ["publish", "--relay", "wss://relay.damus.io/?token=hush"], /public relay/],
    ["builders", ["publish", "--relay", "ws://127.0.0.1:9", "--mix", "song:1"], /MIX/],
  ];
  for (const [kind, args, why] of refusals) {
    it(`leaves a draft that says what was wanted, why it stopped, what unblocks it (${kind})`, async () => {
      const drafts = join(dir, "drafts");
      await assert.rejects(run([...args, "--draft", drafts]), ConfigError);
      const text = await readFile(join(drafts, `refused-${kind}.md`), "utf8");
      assert.match(text, why);
      assert.match(
        text,
        /## What was wanted[\s\S]*## Why it stopped[\s\S]*## What would unblock it/,
      );
      assert.match(text, /gh issue create --title/);
      assert.doesNotMatch(text, /hush/);
    });
  }

  it("shows the options that came by the environment", () => {
    const draft = draftRefusal("refused", ["publish"], ["RELAY_URL=ws://h:1", "MIX=a b"]);
    assert.match(draft.body, /^RELAY_URL=ws:\/\/h:1 MIX='a b' npx k6-nostr run publish$/m);
  });

  it("says why the run was refused though the draft can't be written", async () => {
    const file = join(dir, "report.json");
    const args = ["publish", "--relay", "wss://relay.damus.io", "--draft", join(file, "drafts")];
    await assert.rejects(run(args), /public relay/);
  });

  it("leaves a draft of each refusal, the same one once", async () => {
    const drafts = join(dir, "drafts");
    for (const host of ["relay.damus.io", "relay.damus.io", "nos.lol"]) {
      await assert.rejects(run(["publish", "--relay", `wss://${host}`, "--draft", drafts]));
    }
    const names = (await readdir(drafts)).filter((name) => !name.includes(".body."));
    assert.deepEqual(names.sort(), ["refused-target-2.md", "refused-target.md"]);
  });

  it("sorts refusals by what they are about", () => {
    assert.equal(refusalKind("REPORT_DIR (--report-dir) must be a folder"), "artefacts");
    assert.equal(refusalKind("--profile needs a relay that is a Node process"), "profile");
    assert.equal(refusalKind("refused `8.8.8.8:80`: public address"), "target");
    assert.equal(refusalKind("MIX (--mix) names `x`; known types: profile"), "builders");
    assert.equal(refusalKind("BUILDERS (--builders) is not clear"), "builders");
    assert.equal(refusalKind("RATE_EPS must be a number"), "configuration");
  });

  it("shows no credentials, paths or keys of a command line", () => {
    const words = withoutSecrets(
      ["--relay", "ws://me:hush@h:1/path?x=1,wss://g/y", "key"],
      (text) => text === "key",
    );
    assert.deepEqual(words, ["--relay", "ws://h:1,wss://g", "(not-shown)"]);
  });
});
