import { expect, it } from "vitest";
import { readableStep } from "./readable-step.ts";

it("reads a step as its Dockerfile had it, whoever built it", () => {
  expect(readableStep('/bin/sh -c #(nop)  CMD ["bash"]')).toEqual({
    instruction: "CMD",
    text: '["bash"]',
  });
  expect(readableStep("/bin/sh -c apt-get update")).toEqual({
    instruction: "RUN",
    text: "apt-get update",
  });
  expect(readableStep("RUN /bin/sh -c npm ci # buildkit")).toEqual({
    instruction: "RUN",
    text: "npm ci",
  });
  expect(readableStep("COPY . /app # buildkit")).toEqual({ instruction: "COPY", text: ". /app" });
});

it("leaves what is no Dockerfile's as it is", () => {
  expect(readableStep("bazel build ...")).toEqual({ instruction: "", text: "bazel build ..." });
  expect(readableStep("")).toEqual({ instruction: "", text: "" });
});
