import { createHash } from "node:crypto";
import { join } from "node:path";
import { projectLabels } from "#shared/base/project-labels";
import { containerNameOf, type Project, type Service } from "#shared/compose/project";
import type { ContainerConfig } from "#shared/contract/containers";
import type { NetworkConfig } from "#shared/contract/networks";
import { projectDir, type Paths } from "../host/paths.ts";

const hashOf = (value: unknown): string =>
  createHash("sha256").update(JSON.stringify(value)).digest("hex");

/** What changes when a service says something else: its containers are then made anew. */
export function configHash({ draft, image, files, containerName }: Service): string {
  return hashOf({ draft, image, files, containerName });
}

/** The same for a network. */
export const networkHash = ({ labels: _labels, ...config }: NetworkConfig): string =>
  hashOf(config);

/** Where a config's or a secret's text is kept; by its content, so that another text is another file. */
export const filePath = (paths: Paths, project: string, file: Service["files"][number]): string =>
  join(projectDir(paths, project), hashOf([file.content, file.mode]).slice(0, 32));

/** The nth container of a service, with docker compose's labels. */
export function containerConfig(
  paths: Paths,
  project: Project,
  service: Service,
  { number, imageId }: { number: number; imageId: string },
): ContainerConfig {
  const { draft, files } = service;
  const mounts = [
    ...(draft.mounts ?? []),
    ...files.map((file) => ({
      ...{ type: "bind" as const, source: filePath(paths, project.name, file) },
      ...{ target: file.target, readOnly: true },
    })),
  ];
  return {
    ...draft,
    ...(mounts.length > 0 ? { mounts } : {}),
    name: containerNameOf(project.name, service, number),
    imageId,
    labels: {
      ...draft.labels,
      [projectLabels.project]: project.name,
      [projectLabels.service]: service.name,
      [projectLabels.number]: String(number),
      [projectLabels.hash]: configHash(service),
      [projectLabels.oneOff]: "False",
      ...(project.directory === undefined ? {} : { [projectLabels.directory]: project.directory }),
    },
  };
}
