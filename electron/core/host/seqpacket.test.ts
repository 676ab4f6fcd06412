import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SeqpacketWriter } from "./seqpacket.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "seqpacket-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

test("a path that nobody listens at, or too long a one, is refused with a reason", () => {
  expect(() => SeqpacketWriter.connect(join(dir, "nobody"))).toThrowError(
    expect.objectContaining({ code: "UNAVAILABLE" }),
  );
  expect(() => SeqpacketWriter.connect(`/${"x".repeat(108)}`)).toThrowError(
    expect.objectContaining({ code: "INVALID_ARGUMENT" }),
  );
});

/** Accepts one, sends it more than a socket holds, and prints the length of every packet it gets. */
const listener = `
use Socket;
$| = 1;
socket(my $s, AF_UNIX, SOCK_SEQPACKET, 0) or die;
bind($s, pack_sockaddr_un($ARGV[0])) or die;
listen($s, 1) or die;
print "ready\\n";
accept(my $c, $s) or die;
$SIG{PIPE} = "IGNORE";
for (1 .. 1000) { send($c, "x" x 8192, 0) or last }
select(undef, undef, undef, 0.3);
my $data;
while (defined(recv($c, $data, 65536, 0)) && length($data)) { print length($data), "\\n" }
`;

test("packets arrive whole and in order, also at a peer that is slow and talks itself", async () => {
  const path = join(dir, "peer");
  const peer = spawn("perl", ["-e", listener, path], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  peer.stdout.on("data", (data: Buffer) => (said += data.toString()));
  const ended = once(peer, "close");
  await once(peer.stdout, "data");
  const socket = SeqpacketWriter.connect(path);
  // More than the peer's buffer holds while it sleeps.
  const lengths = Array.from({ length: 200 }, (_, n) => 4000 + n);
  await Promise.all(lengths.map((length) => socket.write(new Uint8Array(length))));
  socket.close();
  await expect(socket.write(new Uint8Array(1))).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await ended;
  expect(said.trim().split("\n")).toEqual(["ready", ...lengths.map(String)]);
});

/** Sends a packet to whoever comes, and tells what each of them has sent until its end, or the error. */
const greeter = `
use Socket;
$| = 1;
socket(my $s, AF_UNIX, SOCK_SEQPACKET, 0) or die;
bind($s, pack_sockaddr_un($ARGV[0])) or die;
listen($s, 1) or die;
print "ready\\n";
$SIG{PIPE} = "IGNORE";
while (1) {
  accept(my $c, $s) or die;
  send($c, "hello", 0);
  my $data;
  my $got = "";
  while (1) {
    defined(recv($c, $data, 99, 0)) or do { $got .= $!; last };
    length($data) or last;
    $got .= $data;
  }
  print "$got\\n";
}
`;

test("what a peer said before it was not listened to does not make it lose what it is told", async () => {
  const path = join(dir, "greeter");
  const peer = spawn("perl", ["-e", greeter, path], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(peer, "close");
  try {
    const lines = createInterface(peer.stdout)[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe("ready");
    for (let round = 0; round < 300; round += 1) {
      const socket = SeqpacketWriter.connect(path);
      await socket.write(Buffer.from("word"));
      socket.close();
      expect((await lines.next()).value).toBe("word");
    }
  } finally {
    peer.kill("SIGKILL");
    await ended;
  }
});
