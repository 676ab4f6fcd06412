import { fromBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { AppError } from "#shared/errors";
import { limited, now } from "../readings.ts";
import type { TaskStats } from "../runtime.ts";
import { StatisticsSchema } from "./proto/runhcs_pb.ts";
import { MetricsV1Schema, MetricsV2Schema } from "./proto/shim_pb.ts";

/**
 * What a shim's Stats tells, by the name of its type: containerd/cgroups' metrics of either version, or hcsshim's
 * statistics, which do not count processes. UNIMPLEMENTED for others, DATA_LOSS for what can't be read.
 */
export function readMetrics(stats: Pick<Any, "typeUrl" | "value"> | undefined): TaskStats {
  const name = stats?.typeUrl.split("/").at(-1) ?? "";
  const read = readers[name];
  if (!stats || !read) {
    throw new AppError("UNIMPLEMENTED", `The shim tells what the container uses as "${name}"`);
  }
  try {
    return { ...now(), ...read(stats.value) };
  } catch (error) {
    throw new AppError("DATA_LOSS", "What the shim tells of use can't be understood", {}, error);
  }
}

type Counters = Omit<TaskStats, "time" | "clock">;

const readers: Record<string, (value: Uint8Array) => Counters> = {
  "io.containerd.cgroups.v1.Metrics": readV1,
  "io.containerd.cgroups.v2.Metrics": readV2,
  "containerd.runhcs.stats.v1.Statistics": readWindows,
};

function readV1(value: Uint8Array): Counters {
  const { cpu, memory, pids, blkio } = fromBinary(MetricsV1Schema, value);
  const entries = blkio?.ioServiceBytesRecursive ?? [];
  const sum = (op: string): number =>
    entries.filter((entry) => entry.op === op).reduce((total, one) => total + Number(one.value), 0);
  return {
    cpu: Number(cpu?.usage?.total ?? 0n) / 1e9,
    memory: without(memory?.usage?.usage, memory?.totalInactiveFile),
    ...limited(Number(memory?.usage?.limit ?? 0n)),
    pids: Number(pids?.current ?? 0n),
    ...(blkio && { read: sum("Read"), written: sum("Write") }),
  };
}

function readV2(value: Uint8Array): Counters {
  const { cpu, memory, pids, io } = fromBinary(MetricsV2Schema, value);
  const entries = io?.usage ?? [];
  return {
    cpu: Number(cpu?.usageUsec ?? 0n) / 1e6,
    memory: without(memory?.usage, memory?.inactiveFile),
    ...limited(Number(memory?.usageLimit ?? 0n)),
    pids: Number(pids?.current ?? 0n),
    ...(io && {
      read: entries.reduce((total, one) => total + Number(one.rbytes), 0),
      written: entries.reduce((total, one) => total + Number(one.wbytes), 0),
    }),
  };
}

function readWindows(value: Uint8Array): Counters {
  const { processor, memory, storage } = fromBinary(StatisticsSchema, value).windows ?? {};
  return {
    cpu: Number(processor?.totalRuntimeNs ?? 0n) / 1e9,
    memory: Number(memory?.privateWorkingSetBytes ?? 0n),
    pids: 0,
    ...(storage && {
      read: Number(storage.readSizeBytes),
      written: Number(storage.writeSizeBytes),
    }),
  };
}

function without(used: bigint = 0n, inactive: bigint = 0n): number {
  return Math.max(0, Number(used - inactive));
}
