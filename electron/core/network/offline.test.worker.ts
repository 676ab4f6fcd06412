import { UserNetwork } from "./user-network.ts";

/** For offline.behaviour.test.ts: connects the network namespace of a process, with a published port. */
const [directory = "", pid = "", hostPort = "", containerPort = ""] = process.argv.slice(2);
const ports = [
  {
    ...{ hostIp: "0.0.0.0", hostPort: Number(hostPort), containerPort: Number(containerPort) },
    protocol: "tcp" as const,
  },
];
const network = new UserNetwork(directory);
await network.join({ id: "tried", ports }, Number(pid));
