import { z } from "zod";
import { Bytes, Nothing } from "#shared/contract/common";
import { FileChange, FileEntry, fileInputs, FileList, FileText } from "#shared/contract/files";
import { duplex, mutation, query, stream } from "#shared/rpc/define";

/** What the agent is to work on. Paths are absolute, as its own mount namespace has them. */
export const AgentRoots = z.object({
  /** The root itself: a directory, or that of a process whose root is an overlay with this upper directory. */
  root: z.union([z.object({ path: z.string() }), z.object({ pid: z.number(), upper: z.string() })]),
  /** Of a container: its upper directory, and its image's files. */
  changes: z.object({ upper: z.string(), image: z.string(), rootless: z.boolean() }).optional(),
});
export type AgentRoots = z.infer<typeof AgentRoots>;

const Progress = z.object({ files: z.number(), bytes: z.number(), path: z.string().optional() });

/**
 * How the core speaks to the process that touches the files of one root (agent.worker.ts): the window's calls
 * (shared/contract/files.ts) without the source, and with progress where those are operations.
 */
export const agentContract = {
  agent: {
    /** First of all calls. */
    open: mutation(AgentRoots, Nothing),
    list: stream(z.object(fileInputs.list), FileList),
    stat: query(z.object(fileInputs.stat), FileEntry),
    readText: query(z.object(fileInputs.readText), FileText),
    download: stream(z.object(fileInputs.download), Bytes),
    upload: duplex(z.object(fileInputs.upload), Bytes, FileEntry),
    makeDirectory: mutation(z.object(fileInputs.makeDirectory), Nothing),
    rename: mutation(z.object(fileInputs.rename), Nothing),
    delete: stream(z.object(fileInputs.delete), Progress, "latest"),
    diff: stream(Nothing, z.object({ changes: z.array(FileChange), limited: z.boolean() })),
    /** The last item has the path that was made. */
    copyToHost: stream(z.object(fileInputs.copyToHost), Progress, "latest"),
    copyFromHost: stream(z.object(fileInputs.copyFromHost), Progress, "latest"),
  },
};
export type AgentContract = typeof agentContract;
export type AgentProgress = z.infer<typeof Progress>;
