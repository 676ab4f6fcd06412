import { expect, test } from "vitest";
import { baseImages } from "./dockerfile.ts";

test.each<[string, string, Record<string, string>, string[]]>([
  ["a plain one", "FROM alpine", {}, ["alpine"]],
  ["case and comments", "# FROM no\nfrom  Alpine:3 \n", {}, ["Alpine:3"]],
  [
    "stages",
    "FROM --platform=linux/amd64 golang AS build\nFROM build\nFROM scratch\nCOPY --from=build a b\nCOPY --from=0 a b",
    {},
    ["golang"],
  ],
  [
    "copies and mounts from images",
    "FROM a\nCOPY --chown=1 --from=b:1 x y\nRUN --mount=type=bind,from=c,target=/x true\nADD --from=d e f",
    {},
    ["a", "b:1", "c", "d"],
  ],
  [
    "variables",
    "ARG BASE=a\nARG TAG='1'\nARG NONE\nFROM ${BASE}:$TAG\nFROM x${NONE:-y}\nFROM z${TAG:+w}",
    { TAG: "2" },
    ["a:2", "xy", "zw"],
  ],
  ["a variable called as what objects have", "ARG constructor=a\nFROM $constructor", {}, ["a"]],
  ["variables set after a FROM are not its own", "FROM a\nARG B=b\nFROM x${B}", {}, ["a", "x"]],
  [
    "continued lines and what a heredoc holds",
    "FROM \\\n# a comment\n  a\nRUN <<EOF\nFROM no\nEOF\nCOPY <<'END' /x\nFROM no\nEND\nFROM b",
    {},
    ["a", "b"],
  ],
  ["another escape", "# escape=`\nFROM `\n a\nRUN c:\\\nFROM b", {}, ["a", "b"]],
])("%s", (_, text, args, images) => {
  expect(baseImages(text, args)).toEqual(images);
});
