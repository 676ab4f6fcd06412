import { AsyncQueue } from "#shared/base/async-queue";
import type { AppContract } from "#shared/contract/index";
import type { LogLine } from "#shared/contract/logs";
import type { Sample } from "#shared/contract/stats";
import type { Terminal, TerminalInput } from "#shared/contract/terminals";
import type { Handlers } from "#shared/rpc/define";
import type { FakeList } from "./fake-list.ts";
import { pause } from "./fake-list.ts";
import type { Container } from "#shared/contract/containers";

const words = [
  "batch 8812 claimed, 240 orders",
  "batch 8812 priced in 431 ms",
  "inventory retry 1/3: timeout after 500 ms (sku 55-19038)",
  "batch 8812 committed, lsn 0/3A41F88",
  "\u001b[32mINF\u001b[0m cache warm, 21,004 keys",
  "payment gateway refused: card_declined (order 5519021)",
];

function logLine(line: number): LogLine {
  return {
    line,
    time: new Date(Date.UTC(2026, 10, 22, 9) + line * 731).toISOString().replace("Z", "123456Z"),
    stream: line % 6 === 5 || line % 6 === 2 ? "stderr" : "stdout",
    text: words[line % words.length] as string,
  };
}

/** A log that grows by a line or two a second. */
export function fakeLogs(): Handlers<AppContract>["logs"] {
  const total = 4217;
  const lines = (from: number, to: number): LogLine[] =>
    Array.from({ length: Math.max(0, to - from) }, (_, index) => logLine(from + index));
  return {
    read: ({ from, count }) => ({ lines: lines(from, Math.min(total, from + count)), total }),
    async *follow({ tail }, { signal }) {
      let end = total;
      yield { reset: true, lines: lines(Math.max(0, end - tail), end), total: end };
      while (!signal.aborted) {
        await pause(900, signal);
        yield { reset: false, lines: [logLine(end)], total: end + 1 };
        end += 1;
      }
    },
    async *search({ text, caseSensitive, regex }) {
      const test = new RegExp(
        regex ? text : text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"),
        caseSensitive ? "" : "i",
      );
      const matches = lines(0, total)
        .filter((line) => test.test(line.text))
        .map(({ line }) => line);
      yield { matches, progress: 1, done: true, limited: false };
    },
    async *download() {
      yield new TextEncoder().encode(
        lines(0, total)
          .map(({ text }) => text)
          .join("\n"),
      );
    },
  };
}

/** Loads that wander, one sample a second for every running container. */
export function fakeStats(containers: FakeList<Container>): Handlers<AppContract>["stats"] {
  const MiB = 1024 * 1024;
  const sampleOf = (container: Container, time: number): Sample => {
    const seed = container.name.length * 37 + container.name.charCodeAt(0);
    const wave = Math.sin(time / 9000 + seed) + Math.sin(time / 2300 + seed * 3) / 2;
    const paused = container.state.status === "paused";
    return {
      time,
      cpu: paused ? 0 : Math.max(0, ((seed % 23) / 60) * (1 + wave / 2)),
      memory: (40 + (seed % 500) + wave * 8) * MiB,
      memoryLimit: container.limits.memory,
      pids: 3 + (seed % 20),
      readRate: paused ? 0 : Math.max(0, wave) * 40_000,
      writeRate: paused ? 0 : Math.max(0, -wave) * 90_000,
    };
  };
  const live = (): Container[] =>
    [...containers.items.values()].filter(({ state }) =>
      ["running", "paused"].includes(state.status),
    );
  return {
    async *watch(_, { signal }) {
      for (let back = 40; back > 0; back -= 1) {
        const time = Date.now() - back * 1000;
        yield {
          time,
          samples: Object.fromEntries(live().map((each) => [each.id, sampleOf(each, time)])),
        };
      }
      while (!signal.aborted) {
        const time = Date.now();
        yield {
          time,
          samples: Object.fromEntries(live().map((each) => [each.id, sampleOf(each, time)])),
        };
        await pause(1000, signal);
      }
    },
    history: ({ id, since = 0 }) => {
      const container = containers.items.get(id);
      if (!container) return [];
      return Array.from({ length: 600 }, (_, index) =>
        sampleOf(container, Date.now() - (600 - index) * 1000),
      ).filter(({ time }) => time > since);
    },
    async *host(_, { signal }) {
      while (!signal.aborted) {
        const time = Date.now();
        yield {
          time,
          cpu: 2.1 + Math.sin(time / 5000) * 0.6,
          cpus: 4,
          memoryUsed: 5.9 * 1024 * MiB,
          memoryTotal: 23 * 1024 * MiB,
        };
        await pause(1000, signal);
      }
    },
  };
}

/** Terminals that echo what is typed after a prompt. */
export function fakeTerminals(
  terminals: FakeList<Terminal>,
  containers: FakeList<Container>,
): Handlers<AppContract>["terminals"] {
  let count = 0;
  const open = (containerId: string, kind: Terminal["kind"], args: string[]): Terminal => {
    count += 1;
    const terminal: Terminal = {
      id: `terminal-${count}`,
      containerId,
      kind,
      args: args.length > 0 ? args : ["/bin/sh"],
      createdAt: Date.now(),
      status: "running",
    };
    terminals.put(terminal);
    return terminal;
  };
  return {
    watch: (_, { signal }) => terminals.watch(signal),
    exec: ({ containerId, args }) => open(containerId, "exec", args),
    attach: ({ containerId }) => open(containerId, "attach", []),
    async *connect({ id }, up, { signal }) {
      const terminal = terminals.items.get(id);
      const name = containers.items.get(terminal?.containerId ?? "")?.name ?? "container";
      const prompt = `\u001b[32mroot@${name}\u001b[0m:\u001b[34m/\u001b[0m# `;
      const encoder = new TextEncoder();
      const decoder = new TextDecoder();
      const out = new AsyncQueue<string>();
      signal.addEventListener("abort", () => out.end(), { once: true });
      let offset = 0;
      let line = "";
      const read = async (input: AsyncIterable<TerminalInput>): Promise<void> => {
        for await (const item of input) {
          if (item.type !== "input") continue;
          for (const key of decoder.decode(item.bytes)) {
            if (key === "\r") {
              out.push(`\r\n${line ? `${line}\r\n` : ""}${prompt}`);
              line = "";
            } else if (key === "\u007f") {
              if (line) out.push("\b \b");
              line = line.slice(0, -1);
            } else {
              line += key;
              out.push(key);
            }
          }
        }
      };
      yield { type: "screen", data: "", offset: 0, cols: 80, rows: 24 };
      yield { type: "live" };
      out.push(`${prompt}ls -1 spool | wc -l\r\n236\r\n${prompt}`);
      void read(up);
      for await (const text of out) {
        const bytes = encoder.encode(text);
        offset += bytes.length;
        yield { type: "data", bytes, offset };
      }
    },
    saveScreen: () => ({}),
    close: ({ id }) => {
      terminals.remove(id);
      return {};
    },
  };
}
