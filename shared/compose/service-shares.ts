import type { Field } from "./field.ts";
import { type Notes } from "./note.ts";
import { containerNameOf, type Project, type Service, type ServiceShare } from "./project.ts";

/** `service:db`; undefined for any other value. */
export function readShare(what: ServiceShare["what"], field: Field): ServiceShare | undefined {
  if (field.tree.kind !== "scalar") return undefined;
  const service = /^service:(.*)$/.exec(field.tree.text)?.[1];
  return service === undefined ? undefined : { what, service, at: field.at, path: field.path };
}

/**
 * Says of whole services which containers they share something with: the first of the other one's. Each then depends
 * on that service, and is restarted with it, as its namespaces go with its container.
 */
export function resolveShares(
  project: string,
  services: readonly Service[],
  idle: Project["idle"],
  notes: Notes,
): void {
  for (const service of services) {
    service.shares = service.shares.filter(({ what, service: name, at, path }) => {
      const other = services.find((one) => one.name === name);
      if (!other) {
        const resting = idle.some((one) => one.name === name);
        const why = resting ? "is in no profile that is chosen" : "is not in the file";
        notes.add("error", at, path, `The service “${name}” ${why}`);
        return false;
      }
      const container = containerNameOf(project, other, 1);
      const { namespaces } = service.draft;
      service.draft = {
        ...service.draft,
        ...(what === "networks"
          ? { networks: { container } }
          : { namespaces: { ...namespaces, [what]: { container } } }),
      };
      if (!service.dependsOn.some((one) => one.service === name)) {
        service.dependsOn.push({
          ...{ service: name, condition: "service_started", required: true, restart: true },
        });
      }
      return true;
    });
  }
}
