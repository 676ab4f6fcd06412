import type { RemoteOwner } from "#shared/contract/remotes";
import { ownNamespace } from "../runtime/containerd/shared.ts";

/** By the names that docker, Kubernetes and we give our namespaces. */
export function ownerOf(namespace: string): RemoteOwner {
  if (namespace === "moby" || namespace === "plugins.moby") return "docker";
  if (namespace === "k8s.io") return "kubernetes";
  return ownNamespace(namespace) === undefined ? "other" : "shimyard";
}

/** nerdctl's and Kubernetes' labels; docker keeps its names to itself. */
export function nameOf(id: string, labels: Record<string, string>): string {
  const pod = labels["io.kubernetes.pod.name"];
  const inPod = labels["io.kubernetes.container.name"];
  if (pod) return inPod ? `${pod}/${inPod}` : pod;
  return labels["nerdctl/name"] ?? (/^[0-9a-f]{64}$/.test(id) ? id.slice(0, 12) : id);
}
