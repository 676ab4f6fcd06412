import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeAsar } from "./asar.mjs";
import { savesSockets } from "./criu.mjs";
import { parseMirror } from "./debian.mjs";
import { must, run, which } from "./exec.mjs";
import { parseMountPoints } from "./leaks.mjs";
import { nodeRefusal } from "./node-version.mjs";
import { chooseName, missing, parseCandidates } from "./packages.mjs";
import { parseCounts } from "./reports.mjs";
import { parseOutcomes, placeTable, renderTable } from "./runtimes-table.mjs";
import { allowingCommand } from "./user-namespaces.mjs";

test("apt-cache policy: only packages with a candidate can be installed", () => {
  const text = `conmon:
  Installed: 2.1.6+ds1-1
  Candidate: 2.1.6+ds1-1
  Version table:
 *** 2.1.6+ds1-1 500
libgtk-3-0t64:
  Installed: (none)
  Candidate: (none)
libgtk-3-0:
  Installed: (none)
  Candidate: 3.24.38-2
`;
  expect(parseCandidates(text)).toEqual(["conmon", "libgtk-3-0"]);
});

test("a package's name is one that apt knows, or before it knows any, one like the system's others", () => {
  const names = ["libgtk-3-0", "libgtk-3-0t64"];
  expect(chooseName(names, new Set(["libgtk-3-0t64"]), false)).toBe("libgtk-3-0t64");
  expect(chooseName(names, new Set(), true)).toBe("libgtk-3-0t64");
  expect(chooseName(names, new Set(), false)).toBe("libgtk-3-0");
  expect(chooseName(["chromium", "chromium-browser"], new Set(), true)).toBe("chromium");
});

test("a Node that is too old is told from one that will do", async () => {
  const { engines } = JSON.parse(await readFile("package.json", "utf8"));
  const needed = engines.node.replace(">=", "");
  expect(nodeRefusal(`${needed}.0`)).toBeUndefined();
  expect(nodeRefusal("22.1.0")).toBeUndefined();
  expect(nodeRefusal("20.18.3")).toContain(`needs Node ${needed} or newer, and this is 20.18.3.`);
  expect(nodeRefusal("18.20.4")).toBeDefined();
});

test("the switch that forbids user namespaces is named, with what flips it for good", () => {
  expect(allowingCommand(["15000\n", "", "1\n"])).toBe(
    "echo kernel.apparmor_restrict_unprivileged_userns=0 | sudo tee -a /etc/sysctl.d/99-shimyard.conf" +
      " && sudo sysctl -p /etc/sysctl.d/99-shimyard.conf",
  );
  expect(allowingCommand(["0\n", "1\n", "0\n"])).toContain("user.max_user_namespaces=15000");
  expect(allowingCommand(["15000\n", "1\n", "0\n"])).toBeUndefined();
});

test("the mirror is that of Debian's main archive", () => {
  const text = `Debian Debian-Security main http://a.example/debian-security/
. nodistro main https://b.example/
Debian Debian contrib http://c.example/debian/
Debian Debian main http://c.example/debian/
`;
  expect(parseMirror(text)).toBe("http://c.example/debian/");
  expect(parseMirror("Ubuntu Ubuntu main http://u.example/ubuntu/\n")).toBeUndefined();
});

test("what is missing is found by looking, not by asking a package manager", async () => {
  const shell = { name: "shell", commands: ["gone-1", "sh"], apt: ["x"], dnf: ["x"] };
  const gone = { name: "gone", commands: ["gone-1"], files: ["/gone"], apt: ["x"], dnf: ["x"] };
  const file = { name: "file", files: ["/gone", "/proc/self/stat"], apt: ["x"], dnf: ["x"] };
  const library = { name: "library", library: "libgone.so.9", apt: ["x"], dnf: ["x"] };
  const libc = { name: "libc", library: "libc.so.6", apt: ["x"], dnf: ["x"] };
  const dynamic = { name: "static sh", commands: ["sh"], isStatic: true, apt: ["x"], dnf: ["x"] };
  const found = await missing([shell, gone, file, library, libc, dynamic]);
  expect(found.map(({ name }) => name)).toEqual(["gone", "library", "static sh"]);
});

test("vitest's report: a file that could not be loaded is a failure", () => {
  const testResults = [
    {
      status: "passed",
      assertionResults: [
        { status: "passed", fullName: "a list is sorted", failureMessages: [] },
        { status: "passed", fullName: "a list is late", failureMessages: ["not yet\n  at a.ts"] },
      ],
    },
    { status: "failed", assertionResults: [] },
    { status: "failed", assertionResults: [{}] },
  ];
  const report = { numTotalTests: 4, numPassedTests: 2, numFailedTests: 1, testResults };
  expect(parseCounts(report)).toEqual({
    passed: 2,
    failed: 2,
    skipped: 1,
    flaky: ["a list is late: not yet"],
  });
});

test("Playwright's report: a flaky test has passed, an error outside tests has not", () => {
  const stats = { expected: 3, unexpected: 0, flaky: 1, skipped: 2 };
  const spec = (title: string, status: string) => ({
    title,
    tests: [{ status, results: [{ error: { message: "\u001b[31mtoo late\u001b[0m\nat" } }, {}] }],
  });
  const specs = [spec("is shown", "expected"), spec("is late", "flaky")];
  const suites = [{ title: "a.e2e.ts", specs, suites: [{ title: "inside", specs }] }];
  const counts = { passed: 4, failed: 0, skipped: 2 };
  const flaky = ["a.e2e.ts: is late: too late", "inside: is late: too late"];
  expect(parseCounts({ stats, errors: [], suites })).toEqual({ ...counts, flaky });
  expect(parseCounts({ stats, errors: [{}], suites })).toEqual({ ...counts, failed: 1, flaky });
});

test("mount points", () => {
  const text = "22 1 254:0 / / rw - ext4 /dev/vda rw\n23 22 0:21 / /proc rw - proc proc rw\n";
  expect(parseMountPoints(text)).toEqual(["/", "/proc"]);
});

test("a program's end: status, output, a missing program, a failure in words", async () => {
  expect(await run("sh", ["-c", "echo out; echo err >&2; exit 3"])).toMatchObject({
    status: 3,
    stdout: "out\n",
    output: expect.stringContaining("err"),
  });
  expect((await run("gone-1", [])).status).toBe(127);
  await expect(
    must("sh", ["-c", "echo why; exit 1"], { failure: "It failed." }),
  ).rejects.toMatchObject({ message: "It failed.", output: "why\n" });
  expect(await which("gone-1")).toBeUndefined();
});

test("an asar archive: header sizes, and files at their offsets behind it", async () => {
  const directory = await mkdtemp(join(tmpdir(), "shimyard-asar-"));
  try {
    await mkdir(join(directory, "in"));
    await writeFile(join(directory, "in/b.js"), "second");
    await writeFile(join(directory, "in/a.json"), "first!!");
    await writeAsar(join(directory, "out.asar"), join(directory, "in"));
    const archive = await readFile(join(directory, "out.asar"));
    expect(archive.readUInt32LE(0)).toBe(4);
    const json = archive.subarray(16, 16 + archive.readUInt32LE(12)).toString();
    expect(JSON.parse(json)).toEqual({
      files: { "a.json": { size: 7, offset: "0" }, "b.js": { size: 6, offset: "7" } },
    });
    expect(archive.subarray(8 + archive.readUInt32LE(4)).toString()).toBe("first!!second");
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("the table of runtimes has a column for each, and says why one can't", () => {
  const of = (runtime: string, feature: string, title: string, status: string) => ({
    ...{ ancestorTitles: ["", runtime, feature].filter(Boolean), title, status },
  });
  const outcomes = parseOutcomes({
    testResults: [
      {
        assertionResults: [
          of("runtime b 2", "pause", "can't: it has no freezer", "skipped"),
          of("runtime a 1", "pause", "is paused", "passed"),
          of("runtime a 1", "kill", "is killed", "passed"),
          of("runtime a 1", "kill", "is killed again", "failed"),
          of("something else", "pause", "is paused", "failed"),
          { ancestorTitles: [], title: "alone", status: "passed" },
        ],
      },
    ],
  });
  const table = renderTable(outcomes);
  expect(table.split("\n")).toEqual([
    "|       | a 1    | b 2     |",
    "| ----- | ------ | ------- |",
    "| pause | yes    | no (1)  |",
    "| kill  | FAILED | not run |",
    "",
    "1. it has no freezer.",
  ]);
  const readme = "x\n<!-- runtimes: npm run runtimes -->\nold\n<!-- /runtimes -->\ny\n";
  const placed = placeTable(readme, table);
  expect(placed).toContain("| kill  |");
  expect(placed).not.toContain("old");
  expect(placeTable(placed, table)).toBe(placed);
  expect(placeTable("no marks", table)).toBe("no marks");
});

test.each([
  ["4.1.1", "6.12.0-amd64", true],
  ["4.1.1", "6.16.0", false],
  ["3.17", "7.0.1", false],
  ["4.2", "6.18.44-fc", true],
  ["5.0", "7.0.1", true],
])("criu %s saves network sockets on kernel %s: %s", (version, kernel, expected) => {
  expect(savesSockets(version, kernel)).toBe(expected);
});
