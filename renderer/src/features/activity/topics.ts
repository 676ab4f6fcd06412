import type { Event } from "#shared/contract/activity";

/** How an event reads, and how it looks in the journal. */
export interface EventWords {
  words: string;
  tone: "run" | "pause" | "stop" | "bad" | "lost" | "busy";
  /** What it was about, where that says more than the words: a command, a reason. */
  detail?: string | undefined;
}

const topics: Record<string, EventWords> = {
  "/containers/update": { words: "changed", tone: "stop" },
  "/containers/delete": { words: "deleted", tone: "stop" },
  "/tasks/delete": { words: "was cleaned up after", tone: "stop" },
  "/tasks/exec-added": { words: "got another process", tone: "busy" },
  "/tasks/oom": { words: "ran out of memory", tone: "bad" },
  "/tasks/paused": { words: "paused", tone: "pause" },
  "/tasks/resumed": { words: "resumed", tone: "run" },
  "/tasks/checkpointed": { words: "was checkpointed", tone: "busy" },
  "/shimyard/shim-lost": { words: "lost its shim", tone: "lost" },
  "/shimyard/restored": { words: "was restored from a checkpoint", tone: "run" },
  "/shimyard/checkpoint-deleted": { words: "lost a checkpoint", tone: "stop" },
};

/** What happens to things that are no containers, and which of its data names them. */
const things: Record<string, { words: string; named: string }> = {
  "/images/create": { words: "image made", named: "name" },
  "/images/update": { words: "image changed", named: "name" },
  "/images/delete": { words: "image deleted", named: "name" },
  "/networks/create": { words: "network made", named: "network" },
  "/networks/delete": { words: "network deleted", named: "network" },
  "/networks/connect": { words: "joined a network", named: "network" },
  "/networks/disconnect": { words: "left a network", named: "network" },
  "/volumes/create": { words: "volume made", named: "volume" },
  "/volumes/restore": { words: "volume restored", named: "volume" },
  "/volumes/delete": { words: "volume deleted", named: "volume" },
};

/** An event in words; one that is not known is told by its topic. */
export function eventWords(event: Event): EventWords {
  const { topic, data } = event;
  switch (topic) {
    case "/tasks/exit":
      return exitWords(data);
    case "/tasks/exec-started":
      return { words: "opened a terminal", tone: "busy", detail: data["args"] };
    case "/containers/create":
      return { words: "created", tone: "stop", detail: data["image"] };
    case "/tasks/create":
      return { words: "is being started", tone: "busy", detail: data["runtime"] };
    case "/tasks/start":
      return { words: "started", tone: "run", detail: data["pid"] && `process ${data["pid"]}` };
    case "/shimyard/restarting":
      return restartWords(data);
    case "/shimyard/start-failed":
      return { words: "could not be started", tone: "bad", detail: data["error"] };
    case "/shimyard/health":
      return healthWords(data);
    case "/shimyard/manager-started":
      return { words: "Shimyard started", tone: "stop", detail: data["version"] };
    default: {
      const thing = things[topic];
      if (thing) return { words: thing.words, tone: "stop", detail: data[thing.named] };
      return (
        topics[topic] ?? { words: topic.replace(/^\//, "").replaceAll("/", " "), tone: "stop" }
      );
    }
  }
}

function healthWords({ status, streak, output }: Event["data"]): EventWords {
  if (status === "healthy") return { words: "is healthy", tone: "run" };
  const words = `is unhealthy: ${streak ?? "some"} checks in a row have failed`;
  return { words, tone: "bad", detail: output };
}

function exitWords(data: Event["data"]): EventWords {
  const { process = "init", code = "unknown", oomKilled } = data;
  const who = process === "init" ? "" : "had a process that ";
  if (oomKilled) return { words: `${who}ran out of memory and was killed`, tone: "bad" };
  if (code === "unknown") return { words: `${who}exited; how is not known`, tone: "lost" };
  return { words: `${who}exited with ${code}`, tone: code === "0" ? "stop" : "bad" };
}

/** With the exit that it answers, where that was seen. */
function restartWords({ count, ...data }: Event["data"]): EventWords {
  const again = "is started again by its restart policy";
  const detail = count && `restart ${count}`;
  if (data["code"] === undefined) return { words: again, tone: "busy", detail };
  const { words, tone } = exitWords(data);
  return { words: `${words}, and ${again}`, tone: tone === "bad" ? "bad" : "busy", detail };
}

/** The event as the core wrote it, for who wants to know exactly. */
export function eventSource(event: Event): string {
  const data = Object.entries(event.data).map(([key, value]) => `${key}=${value}`);
  return [event.topic, ...data].join("\n");
}
