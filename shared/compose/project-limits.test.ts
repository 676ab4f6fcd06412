import { expect, test } from "vitest";
import { noteLines, projectOf, readText } from "./testing.ts";

const web = "services: {web: {image: i}}";

test("aliases that stand for too much are refused", async () => {
  const levels = Array.from(
    { length: 9 },
    (_, at) =>
      `x-${at}: &x${at} [${Array(10)
        .fill(at === 0 ? "a" : `*x${at - 1}`)
        .join(", ")}]`,
  );
  const read = await readText([...levels, web].join("\n"));
  expect(noteLines(read)).toEqual(["error 1 : Its aliases stand for too much"]);
});

const manyServices = (count: number, more: (at: number) => string): string =>
  `services:\n${Array.from({ length: count }, (_, at) => `  s${at}: {image: i${more(at)}}\n`).join("")}`;

test("more services than any project has are refused, in one file and in all together", async () => {
  const all = manyServices(1001, () => "");
  expect(noteLines(await readText(all))[0]).toBe(
    "error 2 services: It has more than 1,000 services",
  );
  const half = manyServices(600, () => "");
  const over = [half.replaceAll("  s", "  t")];
  expect(noteLines(await readText(half, { over }))[0]).toMatch(/more than 1,000 services$/);
});

test("services that extend each other without end, or what is too much, are refused", async () => {
  const chain = (count: number) =>
    manyServices(count, (at) => (at < count - 1 ? `, extends: s${at + 1}` : ""));
  expect((await projectOf(chain(21))).services).toHaveLength(21);
  const levels = noteLines(await readText(chain(23)));
  expect(levels[0]).toMatch(/services\.s\d+\.extends: More than 20 services extend each other$/);

  const labels = Array.from({ length: 1000 }, (_, at) => `l${at}: v`).join(", ");
  const fat = manyServices(300, (at) => (at === 0 ? `, labels: {${labels}}` : ", extends: s0"));
  expect(noteLines(await readText(fat))[0]).toMatch(
    /What its services extend stands for too much$/,
  );
});

test("a file may have an alias for each of its values", async () => {
  const aliases = Array.from({ length: 20_000 }, () => "  - *a\n").join("");
  const project = await projectOf(`x-a: &a text\nx-list:\n${aliases}${web}`);
  expect(project.services).toHaveLength(1);
});

test("long texts are read at once", async () => {
  const blanks = " ".repeat(900_000);
  const zeros = "0".repeat(900_000);
  const read = await readText(`services: {web: {image: "$A", stop_grace_period: "${zeros}x"}}`, {
    env: `A=i${blanks}x${blanks}# none`,
  });
  expect(noteLines(read)).toEqual([expect.stringMatching(/is no duration: write 30s or 1m30s$/)]);
  const volumes = Array.from({ length: 15_000 }, (_, at) => `      - /a${at}:/b${at}\n`).join("");
  const mounts = await readText(`services:\n  a:\n    image: i\n    volumes:\n${volumes}`);
  expect(noteLines(mounts)).toEqual([expect.stringContaining("<=256 items")]);
});
