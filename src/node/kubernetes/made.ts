/** What a run makes in a cluster, found and removed again by its name. */
import { ApiError, type Cluster } from "./api.ts";
import { type Pod, type PodObject, podOf } from "./pods.ts";

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec?: object;
  readonly data?: Readonly<Record<string, string>>;
}

/** Kinds that a run makes, by the API's names for them; what made the others comes first. */
const KINDS: Readonly<Record<string, string>> = {
  Job: "/apis/batch/v1/namespaces/NS/jobs",
  TestRun: "/apis/k6.io/v1alpha1/namespaces/NS/testruns",
  ConfigMap: "/api/v1/namespaces/NS/configmaps",
};

function pathOf(api: Cluster, kind: string): string {
  return (KINDS[kind] ?? "").replace("NS", api.namespace);
}

/** Throws `ApiError`: of what was made before nothing is left then. */
export async function make(api: Cluster, manifests: readonly Manifest[]): Promise<void> {
  const [first] = manifests;
  try {
    for (const manifest of manifests) {
      await api.ask("POST", `${pathOf(api, manifest.kind)}?fieldValidation=Strict`, manifest);
    }
  } catch (error) {
    if (first !== undefined)
      await remove(
        api,
        first.metadata.name,
        manifests.map(({ kind }) => kind),
      );
    throw error;
  }
}

/** Removes all of a run, of whatever it was made, its pods by their owner; gives the kinds that were there. */
export async function remove(
  api: Cluster,
  name: string,
  kinds: readonly string[] = Object.keys(KINDS),
): Promise<readonly string[]> {
  const removed: string[] = [];
  const forbidden: ApiError[] = [];
  for (const kind of kinds) {
    try {
      await api.ask("DELETE", `${pathOf(api, kind)}/${name}?propagationPolicy=Background`);
      removed.push(kind);
    } catch (error) {
      // Not there, a kind that this cluster does not have, or one that this run was not made of.
      if (!(error instanceof ApiError && (error.code === 404 || error.code === 403))) throw error;
      if (error.code === 403) forbidden.push(error);
    }
  }
  const [first] = forbidden;
  if (first !== undefined && forbidden.length === kinds.length) throw first;
  return removed;
}

/** Pods of a run, whoever numbers them. */
export async function podsOf(api: Cluster, name: string): Promise<readonly Pod[]> {
  const found = await Promise.all(
    [`batch.kubernetes.io/job-name=${name}`, `k6_cr=${name},runner=true`].map((selector) =>
      api.ask<{ readonly items: readonly PodObject[] }>(
        "GET",
        `/api/v1/namespaces/${api.namespace}/pods?labelSelector=${encodeURIComponent(selector)}`,
      ),
    ),
  );
  return found.flatMap(({ items }) => items.map(podOf));
}
