import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
  create,
  fromBinary,
  toBinary,
} from "@bufbuild/protobuf";
import { type Timestamp, EmptySchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import type { TtrpcClient } from "#core/ttrpc/client";
import type { Handler } from "#core/ttrpc/server";
import { AppError } from "#shared/errors";
import type { OciProcess } from "../../runtime.ts";
import { StatisticsSchema } from "../../shim/proto/runhcs_pb.ts";
import * as proto from "../../shim/proto/shim_pb.ts";
import { shimOptions } from "../shim-command.ts";
import type { WindowsConfig } from "../spec.ts";
import { StandInContainer, type StandInProcess } from "./container.stand-in.ts";

export interface StandInShim {
  namespace: string;
  id: string;
  /** Where events go. */
  events: TtrpcClient;
  log(line: string): void;
  /** It was told to end. */
  end(): void;
}

/** The Task service (v2 only) as hcsshim's service_internal.go answers it, for one container. */
export function taskHandlers(shim: StandInShim): Map<string, Handler> {
  const handlers = new Map<string, Handler>();
  let container: StandInContainer | undefined;

  const on = <In extends DescMessage, Out extends DescMessage>(
    method: string,
    input: In,
    output: Out,
    answer: (request: MessageShape<In>) => Promise<MessageInitShape<Out>> | MessageInitShape<Out>,
  ): void => {
    handlers.set(`containerd.task.v2.Task/${method}`, async (payload) => {
      shim.log(`${method}\n`);
      return toBinary(output, create(output, await answer(fromBinary(input, payload))));
    });
  };
  const task = (id: string): StandInContainer => {
    if (container && id === shim.id) return container;
    throw new AppError("NOT_FOUND", `task with id: '${id}' not found`);
  };
  const follow = async (execId: string, process: StandInProcess): Promise<void> => {
    const { pid } = process;
    await process.wait();
    const id = execId === "" ? shim.id : execId;
    const exit = { containerId: shim.id, id, pid, exitStatus: process.exitStatus };
    const exitedAt = timestamp(process.exitedAt);
    await publish(shim, "/tasks/exit", "TaskExit", proto.TaskExitSchema, { ...exit, exitedAt });
  };

  on("Connect", proto.TaskRequestSchema, proto.ConnectResponseSchema, () => ({
    shimPid: process.pid,
    taskPid: process.pid,
  }));
  on("Create", proto.CreateRequestSchema, proto.PidResponseSchema, async (request) => {
    if (request.options?.typeUrl !== shimOptions.typeUrl) {
      throw new AppError("INVALID_ARGUMENT", "options are no *runhcsopts.Options");
    }
    if (request.terminal && request.stderr !== "") {
      throw new AppError("FAILED_PRECONDITION", "if using terminal, stderr must be empty");
    }
    const text = readFileSync(join(request.bundle, "config.json"), "utf8");
    const config = JSON.parse(text) as WindowsConfig;
    const made = StandInContainer.create(shim.id, request.bundle, config.windows.layerFolders);
    await made.add("", config.process, request.terminal, request);
    container = made;
    // The process comes with the start.
    return { pid: 0 };
  });
  on("Exec", proto.ExecRequestSchema, EmptySchema, async ({ id, execId, spec, ...request }) => {
    const process = JSON.parse(Buffer.from(spec?.value ?? []).toString()) as OciProcess;
    await task(id).add(execId, process, request.terminal, request);
    return {};
  });
  on("Start", proto.ProcessRequestSchema, proto.PidResponseSchema, async ({ id, execId }) => {
    const process = task(id).process(execId);
    const pid = await process.start();
    void follow(execId, process);
    return { pid };
  });
  on("State", proto.ProcessRequestSchema, proto.StateResponseSchema, ({ id, execId }) => {
    const { status, pid, exitStatus, exitedAt } = task(id).process(execId);
    return { id, status, pid, exitStatus, exitedAt: timestamp(exitedAt) };
  });
  on("Wait", proto.ProcessRequestSchema, proto.WaitResponseSchema, async ({ id, execId }) => {
    const process = task(id).process(execId);
    await process.wait();
    return { exitStatus: process.exitStatus, exitedAt: timestamp(process.exitedAt) };
  });
  on("Kill", proto.KillRequestSchema, EmptySchema, ({ id, execId, signal, all }) => {
    const named = task(id).process(execId);
    if (all) {
      for (const process of task(id).processes.values()) {
        if (process !== named && process.pid !== 0) process.kill(signal);
      }
    }
    named.kill(signal);
    return {};
  });
  on("Delete", proto.ProcessRequestSchema, proto.DeleteResponseSchema, ({ id, execId }) => {
    const process = task(id).process(execId);
    if (process.pid !== 0) throw new AppError("FAILED_PRECONDITION", "cannot delete: it runs");
    if (execId !== "") task(id).processes.delete(execId);
    return { exitStatus: process.exitStatus, exitedAt: timestamp(process.exitedAt) };
  });
  on("ResizePty", proto.ResizePtyRequestSchema, EmptySchema, (request) => {
    task(request.id).process(request.execId).resize(request.width, request.height);
    return {};
  });
  on("Pids", proto.TaskRequestSchema, proto.PidsResponseSchema, ({ id }) => ({
    processes: task(id)
      .pids()
      .map((pid) => ({ pid })),
  }));
  on("Stats", proto.TaskRequestSchema, proto.StatsResponseSchema, ({ id }) => ({
    stats: {
      typeUrl: "containerd.runhcs.stats.v1.Statistics",
      value: toBinary(StatisticsSchema, create(StatisticsSchema, use(task(id).pids()))),
    },
  }));
  on("Shutdown", proto.ShutdownRequestSchema, EmptySchema, () => {
    setImmediate(() => shim.end());
    return {};
  });
  return handlers;
}

/** As any shim of containerd does; nobody waits for it. */
async function publish<T extends DescMessage>(
  { namespace, events }: StandInShim,
  topic: string,
  name: string,
  schema: T,
  message: MessageInitShape<T>,
): Promise<void> {
  const value = toBinary(schema, create(schema, message));
  const event = { typeUrl: `containerd.events.${name}`, value };
  const envelope = { timestamp: timestamp(Date.now()), namespace, topic, event };
  const request = create(proto.ForwardRequestSchema, { envelope });
  await events
    .call({
      ...{ service: "containerd.services.events.ttrpc.v1.Events", method: "Forward" },
      payload: toBinary(proto.ForwardRequestSchema, request),
    })
    .catch(() => {});
}

function use(pids: number[]): MessageInitShape<typeof StatisticsSchema> {
  let ticks = 0;
  let pages = 0;
  for (const pid of pids) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      ticks += Number(fields[11]) + Number(fields[12]);
      pages += Number(fields[21]);
    } catch {
      // It has ended.
    }
  }
  return {
    windows: {
      processor: { totalRuntimeNs: BigInt(ticks) * 10_000_000n },
      memory: { privateWorkingSetBytes: BigInt(pages) * 4096n },
      storage: { readSizeBytes: 0n, writeSizeBytes: 0n },
    },
  };
}

function timestamp(ms: number): Timestamp {
  return create(TimestampSchema, {
    seconds: BigInt(Math.floor(ms / 1000)),
    nanos: (ms % 1000) * 1e6,
  });
}
