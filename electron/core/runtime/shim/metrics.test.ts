import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AppError } from "#shared/errors";
import { readMetrics } from "./metrics.ts";
import { StatisticsSchema } from "./proto/runhcs_pb.ts";
import { MetricsV1Schema, MetricsV2Schema } from "./proto/shim_pb.ts";

const v1 = "io.containerd.cgroups.v1.Metrics";
const v2 = "io.containerd.cgroups.v2.Metrics";
const windows = "containerd.runhcs.stats.v1.Statistics";

describe("what a shim tells of use", () => {
  it("is read in either version, with or without a host before its type", () => {
    const one = create(MetricsV1Schema, {
      pids: { current: 3n, limit: 10n },
      cpu: { usage: { total: 1_500_000_000n } },
      memory: { totalInactiveFile: 1000n, usage: { usage: 3000n, limit: 9223372036854771712n } },
      blkio: {
        ioServiceBytesRecursive: [
          { op: "Read", value: 10n },
          { op: "Write", value: 20n },
          { op: "Total", value: 30n },
          { op: "Read", value: 5n },
        ],
      },
    });
    const read = readMetrics({ typeUrl: v1, value: toBinary(MetricsV1Schema, one) });
    expect(read).toMatchObject({ cpu: 1.5, memory: 2000, pids: 3, read: 15, written: 20 });
    expect(read).not.toHaveProperty("memoryLimit");
    const two = create(MetricsV2Schema, {
      pids: { current: 2n },
      cpu: { usageUsec: 2_500_000n },
      memory: { inactiveFile: 1000n, usage: 5000n, usageLimit: 8000n },
      io: {
        usage: [
          { rbytes: 100n, wbytes: 7n },
          { rbytes: 20n, wbytes: 1n },
        ],
      },
    });
    const value = toBinary(MetricsV2Schema, two);
    expect(readMetrics({ typeUrl: `types.containerd.io/${v2}`, value })).toMatchObject({
      ...{ cpu: 2.5, memory: 4000, memoryLimit: 8000, pids: 2, read: 120, written: 8 },
    });
  });

  it("is read as Windows' shim tells it, which may leave all out", () => {
    const told = create(StatisticsSchema, {
      windows: {
        processor: { totalRuntimeNs: 2_500_000_000n },
        memory: { privateWorkingSetBytes: 4000n },
        storage: { readSizeBytes: 120n, writeSizeBytes: 8n },
      },
    });
    expect(
      readMetrics({ typeUrl: windows, value: toBinary(StatisticsSchema, told) }),
    ).toMatchObject({ cpu: 2.5, memory: 4000, read: 120, written: 8 });
    const none = readMetrics({ typeUrl: windows, value: new Uint8Array() });
    expect(none).toMatchObject({ cpu: 0, memory: 0 });
    expect(none).not.toHaveProperty("read");
  });

  it("is refused when it is of another type", () => {
    const other = { typeUrl: "io.example.Stats", value: new Uint8Array() };
    for (const stats of [undefined, other]) {
      expect(() => readMetrics(stats)).toThrow(expect.objectContaining({ code: "UNIMPLEMENTED" }));
    }
  });

  it("may be garbage", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(v1, v2, windows),
        fc.uint8Array({ maxLength: 300 }),
        (typeUrl, value) => {
          try {
            expect(readMetrics({ typeUrl, value }).memory).toBeGreaterThanOrEqual(0);
          } catch (error) {
            expect(error).toBeInstanceOf(AppError);
          }
        },
      ),
    );
  });
});
