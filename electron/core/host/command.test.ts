import { expect, test } from "vitest";
import { runCommand } from "./command.ts";

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Leaves another process with its pipes, says that one's pid, and goes on or ends. */
const leave = (then: string): string[] => [
  ...["sh", "-c", `sleep 60 & echo $!; echo $! >&2; ${then}`],
];

test.each(["exec sleep 60", "exit 0"])(
  "a command that takes too long is not waited for though another has its pipes: %s",
  async (then) => {
    let pid = 0;
    const running = runCommand(leave(then), {
      timeout: 200,
      onStdout: (chunk) => (pid = Number(chunk)),
    });
    try {
      await expect(running).rejects.toMatchObject({
        code: "DEADLINE_EXCEEDED",
        details: { output: expect.stringMatching(/^\d+\n$/) },
      });
      expect(lives(pid)).toBe(true);
    } finally {
      if (pid > 0) process.kill(pid, "SIGKILL");
    }
  },
);

test("the same goes for one whose caller has gone", async () => {
  const abort = new AbortController();
  let pid = 0;
  const running = runCommand(leave("exec sleep 60"), {
    signal: abort.signal,
    onStdout: (chunk) => {
      pid = Number(chunk);
      abort.abort();
    },
  });
  try {
    await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
    expect(lives(pid)).toBe(true);
  } finally {
    if (pid > 0) process.kill(pid, "SIGKILL");
  }
});
