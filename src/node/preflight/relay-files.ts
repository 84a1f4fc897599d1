/** Has the relay's own process, where it is seen, a limit of open files that holds the plan's connections? */
import type { Plan } from "../../plan/plan.ts";
import { formatCount } from "../../report/format.ts";
import { readText } from "../proc.ts";
import { advice, type Finding, ok } from "./finding.ts";

/** Of a relay itself: its database, its log, its listeners. */
const OWN_FILES = 64;

export interface FileLimit {
  readonly soft: number;
  readonly hard: number;
}

/** `pids`: those that take connections. What several workers have together is not one's limit. */
export function judgeRelayFiles(
  { clients, relays }: Pick<Plan, "clients" | "relays">,
  pids: readonly number[],
  read: (pid: number) => FileLimit | null = readFileLimit,
): Finding[] {
  const [pid, ...others] = pids;
  if (pid === undefined || others.length > 0) return [];
  const limit = read(pid);
  if (limit === null) return [];
  const { soft, hard } = limit;
  const needed = Math.ceil(clients / relays.length) + OWN_FILES;
  const what = `the relay's process ${pid} may have ${formatCount(soft)} open files, about ${formatCount(needed)} needed`;
  if (needed <= soft) return [ok("relay-files", what)];
  const raise =
    needed <= hard
      ? `raise its soft limit: \`prlimit --pid ${pid} --nofile=${needed}:${hard}\` while it runs, or \`ulimit -Sn ${needed}\` before it starts`
      : `start it with a higher hard limit than ${formatCount(hard)} (as root \`ulimit -n ${needed}\`, LimitNOFILE of a unit, \`docker run --ulimit nofile=${needed}\`), or run several`;
  return [
    advice("relay-files", {
      what,
      why: "what comes beyond is not accepted, or ends the relay: the limit that is measured is this one",
      remedy: `${raise}; some relays set a limit of their own (strfry: \`nofiles\`)`,
    }),
  ];
}

/** `null` of another user's process, and elsewhere than on Linux. */
export function readFileLimit(pid: number): FileLimit | null {
  return parseFileLimit(readText(`/proc/${pid}/limits`) ?? "");
}

/** From `/proc/<pid>/limits`. */
export function parseFileLimit(text: string): FileLimit | null {
  const [, soft, hard] = /^Max open files\s+(\d+|unlimited)\s+(\d+|unlimited)/m.exec(text) ?? [];
  if (soft === undefined || hard === undefined) return null;
  const numberOf = (word: string) => (word === "unlimited" ? Infinity : Number(word));
  return { soft: numberOf(soft), hard: numberOf(hard) };
}
