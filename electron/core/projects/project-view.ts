import { projectLabels } from "#shared/base/project-labels";
import type { Container } from "#shared/contract/containers";
import type { Project, ProjectService, ServiceStep } from "#shared/contract/projects";
import type { ErrorInfo } from "#shared/errors";
import type { ProjectWork } from "./project-activity.ts";
import type { ProjectRecord } from "./project-store.ts";
import { serviceOf } from "./project-containers.ts";

/** What is known of a project. */
export interface ProjectFacts {
  record: ProjectRecord | undefined;
  /** By service and number. */
  rows: readonly Container[];
  work: ProjectWork | undefined;
  steps: ReadonlyMap<string, ServiceStep>;
  error: ErrorInfo | undefined;
}

export function toProject(name: string, facts: ProjectFacts): Project {
  const { record, rows, work, steps, error } = facts;
  const services = servicesOf(record, rows, steps);
  const directory = record ? record.source.directory : rows[0]?.labels[projectLabels.directory];
  return {
    id: name,
    ...(directory === undefined ? {} : { directory }),
    imported: record !== undefined,
    ...(record ? { importedAt: record.importedAt } : {}),
    services,
    state: stateOf(services, rows),
    ...work,
    ...(error ? { error } : {}),
  };
}

function servicesOf(
  record: ProjectRecord | undefined,
  rows: readonly Container[],
  steps: ReadonlyMap<string, ServiceStep>,
): ProjectService[] {
  const written = record?.services ?? [];
  const known = new Set(written.map(({ name }) => name));
  const strangers = [...new Set(rows.map(serviceOf))].filter((name) => !known.has(name));
  const all: { name: string; image?: string; replicas?: number }[] = [
    ...written,
    ...strangers.map((name) => ({ name })),
  ];
  return all.map(({ name, image, replicas }) => {
    const own = rows.filter((row) => serviceOf(row) === name);
    const step = steps.get(name);
    return {
      name,
      image: image ?? own[0]?.image.name ?? "",
      ...(replicas === undefined ? {} : { replicas }),
      containers: own.map(({ id }) => id),
      running: own.filter(isRunning).length,
      ...(step ? { step } : {}),
    };
  });
}

const isRunning = ({ state }: Container): boolean =>
  state.status === "running" || state.status === "paused";

/** It did what it had to, and is not to be started again. */
const isThrough = ({ state, restart }: Container): boolean =>
  state.status === "exited" &&
  state.exitCode === 0 &&
  (restart.name === "no" || restart.name === "on-failure");

function stateOf(
  services: readonly ProjectService[],
  rows: readonly Container[],
): Project["state"] {
  if (rows.length === 0) return "none";
  if (!rows.some(isRunning)) return "stopped";
  const byId = new Map(rows.map((row) => [row.id, row]));
  const whole = services.every(({ containers, running, replicas = containers.length }) => {
    const through = containers.filter((id) => {
      const row = byId.get(id);
      return row && isThrough(row);
    });
    return running + through.length >= replicas;
  });
  return whole ? "running" : "partial";
}
