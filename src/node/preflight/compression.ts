/** Whether a relay takes the compression that a run offers. */
import type { Plan } from "../../plan/plan.ts";
import type { Admission } from "../guard/gate.ts";
import { dial, hangUp } from "./dial.ts";
import { advice, type Finding, ok } from "./finding.ts";

const HANDSHAKE_MS = 5_000;
const DEFLATE = "permessage-deflate";

/** Nothing of a relay that can't be reached: that is said already. */
export async function judgeCompression(
  { compression }: Pick<Plan, "compression">,
  admissions: readonly Admission[],
): Promise<Finding[]> {
  if (!compression) return [];
  const found = admissions.map(async (admission) => {
    const socket = await dial(admission, HANDSHAKE_MS, (one) => one, { deflates: true });
    if (typeof socket === "string") return [];
    const isTaken = socket.extensions.split(/[,\s]+/).includes(DEFLATE);
    hangUp(socket);
    const { label } = admission.url;
    if (isTaken) return [ok("compression", `\`${label}\` takes ${DEFLATE}`)];
    return [
      advice("compression", {
        what: `\`${label}\` does not take ${DEFLATE}`,
        why: "frames go as they are, though --compression offers it: this is a run without compression",
        remedy:
          "switch it on in the relay (strfry: `compression { enabled }`), or leave --compression out",
      }),
    ];
  });
  return (await Promise.all(found)).flat();
}
