/** What somebody must be allowed who loads by pods: asked of the cluster before anything is made. */
import { ConfigError } from "../../errors.ts";
import type { Api } from "./api.ts";

export interface Right {
  readonly verb: "create" | "delete" | "get" | "list";
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
}

interface Review {
  readonly status: { readonly allowed: boolean };
}

/** Throws `ConfigError` that names what is lacking. */
export async function refuseWithoutRights(api: Api, rights: readonly Right[]): Promise<void> {
  const reviews = await Promise.all(
    rights.map((right) =>
      api.ask<Review>("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SelfSubjectAccessReview",
        spec: { resourceAttributes: { namespace: api.namespace, ...right } },
      }),
    ),
  );
  const lacking = rights.filter((_, i) => reviews[i]?.status.allowed !== true);
  if (lacking.length === 0) return;
  const named = lacking.map(
    ({ verb, resource, subresource }) =>
      `${verb} ${resource}${subresource ? `/${subresource}` : ""}`,
  );
  throw new ConfigError(
    `in the namespace \`${api.namespace}\` you may not ${named.join(", ")}: deploy/kubernetes/role.yaml is a role that may; nothing was made`,
  );
}
