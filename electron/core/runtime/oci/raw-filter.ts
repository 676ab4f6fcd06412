import { closeSync, fstatSync, readSync } from "node:fs";
import koffi from "koffi";
import { z } from "zod";
import type { OciSpec } from "../runtime.ts";

/**
 * crun makes a program of a filter of system calls for every container and every exec, which takes it as long as all
 * the rest of a start. It takes one that is made already, too (crun(1), run.oci.seccomp_bpf_data), so it is made
 * once. With libseccomp, as crun itself makes it.
 */
const annotation = "run.oci.seccomp_bpf_data";

/** `linux.seccomp` of the OCI runtime specification, as far as it is understood here: the rest is left to crun. */
const Filter = z.strictObject({
  defaultAction: z.string(),
  defaultErrnoRet: z.number().optional(),
  architectures: z.array(z.string()).optional(),
  flags: z.array(z.string()).optional(),
  syscalls: z.array(
    z.strictObject({
      names: z.array(z.string()),
      action: z.string(),
      errnoRet: z.number().optional(),
      args: z
        .array(
          z.object({
            index: z.number(),
            value: z.number(),
            valueTwo: z.number().optional(),
            op: z.string(),
          }),
        )
        // Several together would hold of one call at once.
        .max(1)
        .optional(),
    }),
  ),
});
type Filter = z.infer<typeof Filter>;

/** By the filter: containers have the same one as a rule. */
const made = new Map<string, string | undefined>();

/** The same spec with its filter made, where it has one that can be. */
export function withRawFilter(spec: OciSpec): OciSpec {
  const { seccomp } = spec.linux;
  if (seccomp === undefined) return spec;
  const key = JSON.stringify(seccomp);
  if (!made.has(key)) made.set(key, rawFilter(seccomp)?.toString("base64"));
  const program = made.get(key);
  if (program === undefined) return spec;
  return { ...spec, annotations: { ...spec.annotations, [annotation]: program } };
}

/** The filter as the kernel takes it (struct sock_filter[]); undefined where it can't be made here. */
export function rawFilter(seccomp: unknown): Buffer | undefined {
  const { data: filter } = Filter.safeParse(seccomp);
  if (!filter) return undefined;
  try {
    return compile(libseccomp(), filter);
  } catch {
    // No libseccomp, or an older one: crun has its own way.
    return undefined;
  }
}

// seccomp.h
const errnoAction = 0x0005_0000;
const actions: Record<string, number> = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: 0x8000_0000,
  SCMP_ACT_LOG: 0x7ffc_0000,
  SCMP_ACT_ALLOW: 0x7fff_0000,
};
const comparisons = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"];
const unknownName = -1;
const EPERM = 1;
const EEXIST = 17;

function action(name: string, errno = EPERM): number {
  const value = name === "SCMP_ACT_ERRNO" ? errnoAction | errno : actions[name];
  if (value === undefined) throw new Error(`${name} is not made here`);
  return value;
}

interface Libseccomp {
  init(action: number): unknown;
  release(context: unknown): void;
  archNumber(name: string): number;
  addArch(context: unknown, arch: number): number;
  syscallNumber(name: string): number;
  addRule(ctx: unknown, action: number, syscall: number, count: number, args: Buffer): number;
  export(context: unknown, fd: number): number;
  memfd(name: string, flags: number): number;
}

let loaded: Libseccomp | undefined;

function libseccomp(): Libseccomp {
  if (loaded) return loaded;
  const library = koffi.load("libseccomp.so.2");
  loaded = {
    init: library.func("void *seccomp_init(uint32_t)"),
    release: library.func("void seccomp_release(void *)"),
    archNumber: library.func("uint32_t seccomp_arch_resolve_name(const char *)"),
    addArch: library.func("int seccomp_arch_add(void *, uint32_t)"),
    syscallNumber: library.func("int seccomp_syscall_resolve_name(const char *)"),
    addRule: library.func(
      "int seccomp_rule_add_array(void *, uint32_t, int, unsigned int, const uint8_t *)",
    ),
    export: library.func("int seccomp_export_bpf(void *, int)"),
    memfd: koffi.load(null).func("int memfd_create(const char *, unsigned int)"),
  };
  return loaded;
}

function compile(library: Libseccomp, filter: Filter): Buffer {
  const byDefault = action(filter.defaultAction, filter.defaultErrnoRet);
  const context = library.init(byDefault);
  if (!context) throw new Error("seccomp_init failed");
  try {
    for (const name of filter.architectures ?? []) {
      const arch = library.archNumber(name.replace("SCMP_ARCH_", "").toLowerCase());
      const result = library.addArch(context, arch);
      if (result < 0 && result !== -EEXIST) throw new Error(`${name} can't be added`);
    }
    for (const { names, args = [], ...rule } of filter.syscalls) {
      const value = action(rule.action, rule.errnoRet);
      // libseccomp refuses what is so anyway.
      if (value === byDefault) continue;
      for (const name of names) {
        const number = library.syscallNumber(name);
        if (number === unknownName) continue;
        if (library.addRule(context, value, number, args.length, comparison(args)) < 0) {
          throw new Error(`The rule for ${name} can't be added`);
        }
      }
    }
    return exported(library, context);
  } finally {
    library.release(context);
  }
}

/** struct scmp_arg_cmp[]: unsigned int arg, enum op, two 64-bit data; little-endian as where Electron runs. */
function comparison(args: NonNullable<Filter["syscalls"][number]["args"]>): Buffer {
  const size = 24;
  const all = Buffer.alloc(Math.max(1, args.length) * size);
  for (const [at, { index, op, value, valueTwo = 0 }] of args.entries()) {
    const compare = comparisons.indexOf(op.replace("SCMP_CMP_", "")) + 1;
    if (compare === 0) throw new Error(`${op} is not known here`);
    all.writeUInt32LE(index, at * size);
    all.writeUInt32LE(compare, at * size + 4);
    all.writeBigUInt64LE(BigInt(value), at * size + 8);
    all.writeBigUInt64LE(BigInt(valueTwo), at * size + 16);
  }
  return all;
}

function exported(library: Libseccomp, context: unknown): Buffer {
  const closeOnExec = 1;
  const fd = library.memfd("filter", closeOnExec);
  if (fd < 0) throw new Error("memfd_create failed");
  try {
    if (library.export(context, fd) < 0) throw new Error("seccomp_export_bpf failed");
    const program = Buffer.alloc(fstatSync(fd).size);
    readSync(fd, program, 0, program.length, 0);
    return program;
  } finally {
    closeSync(fd);
  }
}
