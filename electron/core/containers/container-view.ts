import type { Container, ContainerState } from "#shared/contract/containers";
import type { HealthStatus } from "#shared/contract/health";
import type { ErrorInfo } from "#shared/errors";
import type { Task } from "../runtime/runtime.ts";
import type { Running } from "./activities.ts";
import type { ContainerRecord } from "./container-store.ts";
import { commandOf } from "./spec.ts";

/** What of a container runs, or why that can't be told. */
export interface Live {
  task: Task | undefined;
  /** Why no task could be made of its bundle. */
  broken: ErrorInfo | undefined;
  /** Published now. */
  ports: Container["ports"];
  activity: Running | undefined;
  health: HealthStatus | undefined;
}

/** A row of the list: the record, and what the runtime says. */
export function toContainer(record: ContainerRecord, live: Live): Container {
  const { config } = record;
  return {
    id: record.id,
    name: config.name,
    image: { id: record.image.id, name: record.image.name },
    args: commandOf(config, record.image.config),
    createdAt: record.createdAt,
    labels: config.labels,
    runtime: record.runtime,
    terminal: config.terminal,
    restart: config.restart,
    restartCount: record.restartCount,
    limits: config.limits,
    ports: live.ports,
    state: { ...stateOf(record, live), ...activityOf(live) },
  };
}

/**
 * A row for what the disk has without a record that can be read: its record is damaged, or was lost
 * while its task goes on. It can be deleted and nothing else.
 */
export function toOrphan(id: string, live: Live, error: ErrorInfo): Container {
  return {
    id,
    name: id.slice(0, 12),
    image: { id: "", name: "unknown" },
    args: [],
    createdAt: 0,
    labels: {},
    runtime: live.task?.runtime ?? "unknown",
    terminal: false,
    restart: { name: "no" },
    restartCount: 0,
    limits: {},
    ports: [],
    state: {
      status: live.task?.state.status ?? "unknown",
      ...(live.task?.state.pid === undefined ? {} : { pid: live.task.state.pid }),
      ...activityOf(live),
      error,
    },
  };
}

function stateOf(record: ContainerRecord, { task, broken, health }: Live): ContainerState {
  if (broken) return { status: "unknown", error: broken };
  const startedAt = record.startedAt ?? task?.shim.startedAt;
  const started = startedAt === undefined ? {} : { startedAt };
  const failed = record.startError ? { error: record.startError } : {};
  if (task && task.state.status !== "exited") {
    const { status, pid, error } = task.state;
    return {
      status,
      ...(status === "created" ? {} : started),
      ...(pid === undefined ? {} : { pid }),
      ...(health === undefined ? {} : { health }),
      ...(error ? { error } : failed),
    };
  }
  const exit = task?.state.exit ?? record.exit;
  if (!exit) return { status: task ? "exited" : "created", ...failed };
  return {
    status: "exited",
    ...started,
    exitedAt: exit.exitedAt,
    ...(exit.code === undefined ? {} : { exitCode: exit.code }),
    ...(exit.oomKilled ? { oomKilled: true } : {}),
    ...(task?.state.error ? { error: task.state.error } : failed),
  };
}

function activityOf({ activity }: Live): Partial<ContainerState> {
  if (!activity) return {};
  const { name, operationId } = activity;
  return { activity: name, ...(operationId ? { operationId } : {}) };
}
