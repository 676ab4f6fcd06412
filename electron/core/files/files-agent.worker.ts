import { serve } from "#shared/rpc/server";
import { agentContract } from "./agent-contract.ts";
import { agentHandlers } from "./agent.ts";
import { pipeChannel } from "../base/pipe-channel.ts";

/**
 * The process in which files are touched: it stands where a container's files are to be seen (holder.ts), with the
 * rights of its root, and answers on its standard streams. It ends with them.
 */
const channel = pipeChannel(process.stdin, process.stdout);
channel.onClose(() => process.exit(0));
serve(agentContract, agentHandlers(), channel, {
  onUnexpected: (error, method) => console.error(method, error),
});
