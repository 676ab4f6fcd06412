import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError, type ErrorCode } from "#shared/errors";
import { makeContainer, starterImage, waitForState } from "../harness/containers.ts";
import { expect, test } from "../harness/test.ts";

/** Everything that must be refused, against one app with one container that must not suffer from it. */
test("bad input gets a coded, helpful error, leaves nothing, and stops nothing else", async ({
  home,
}) => {
  const app = await home.startHeadless();
  const client = await app.connect();
  const imageId = await starterImage(client);
  const bystander = await makeContainer(client, {
    name: "bystander",
    imageId,
    args: ["sleep", "1000"],
  });
  const refused = async (what: Promise<unknown>, code: ErrorCode): Promise<AppError> => {
    const error = await what.then(
      () => undefined,
      (reason: unknown) => AppError.from(reason),
    );
    expect(error?.code, error?.message).toBe(code);
    return error!;
  };
  const make = (name: string, args = ["sleep", "1000"], image = imageId): Promise<unknown> =>
    makeContainer(client, { name, imageId: image, args });

  expect((await refused(make("-dash"), "INVALID_ARGUMENT")).details.field).toBe("config.name");
  const taken = await refused(make("bystander"), "ALREADY_EXISTS");
  expect(taken.message).toContain("bystander");
  await refused(make("no-image", ["true"], "0123456789ab"), "NOT_FOUND");
  const missing = await refused(make("no-command", ["/no/such/thing"]), "NOT_FOUND");
  expect(missing.message + missing.details.output).toContain("/no/such/thing");
  const tooLittle = client.call("containers.updateLimits", {
    id: bystander.id,
    limits: { memory: 1024 },
  });
  expect((await refused(tooLittle, "INVALID_ARGUMENT")).details.field).toBe("limits.memory");
  await refused(
    client.call("containers.exec", { id: bystander.id, args: ["/no/such/thing"] }),
    "NOT_FOUND",
  );
  await refused(
    client.call("images.importTar", { path: import.meta.filename, name: "not-a-tar" }),
    "INVALID_ARGUMENT",
  );
  await refused(
    client.call("images.importDirectory", { path: "/no/such/dir", name: "nothing" }),
    "NOT_FOUND",
  );
  await refused(client.call("containers.start", { id: bystander.id }), "FAILED_PRECONDITION");
  await refused(client.call("containers.delete", { id: bystander.id }), "FAILED_PRECONDITION");
  await refused(client.call("images.delete", { id: imageId }), "FAILED_PRECONDITION");

  const list = await client.call("containers.list", {});
  const others = list.filter(({ name }) => name !== "bystander");
  // A container whose command could not be started is kept, as what it is, for its config to be seen.
  for (const { state } of others) expect(state.error).toBeDefined();
  for (const { id } of others) await client.call("containers.delete", { id, force: true });
  // But for the places that may have been made ready for the next containers.
  const tasks = join(home.root, "data/tasks/default");
  const records = await Promise.all(
    (await readdir(tasks)).map((id) => readFile(join(tasks, id, "state.json")).catch(() => id)),
  );
  expect(records.filter((record) => typeof record !== "string")).toHaveLength(1);
  const { container } = await client.call("containers.get", { id: bystander.id });
  expect(container.state).toMatchObject({ status: "running", pid: bystander.state.pid });
});

test("a corrupted state file is shown as such; the others go on; it can be deleted", async ({
  home,
}) => {
  const first = await home.startHeadless();
  let client = await first.connect();
  const imageId = await starterImage(client);
  const broken = await makeContainer(client, {
    name: "broken",
    imageId,
    args: ["sleep", "1000"],
  });
  const sound = await makeContainer(client, { name: "sound", imageId, args: ["sleep", "1000"] });
  await first.kill9();
  const state = join(home.root, "data/tasks/default", broken.id, "state.json");
  await writeFile(state, (await readFile(state, "utf8")).slice(0, 20));

  const second = await home.startHeadless();
  client = await second.connect();
  const seen = await waitForState(client, broken.id, "unknown");
  expect(seen.state.error?.code).toBe("DATA_LOSS");
  expect(seen.state.error?.message).toContain("state.json");
  const { container } = await client.call("containers.get", { id: sound.id });
  expect(container.state).toMatchObject({ status: "running", pid: sound.state.pid });

  await client.call("containers.delete", { id: broken.id, force: true });
  expect((await client.call("containers.list", {})).map(({ name }) => name)).toEqual(["sound"]);
  // What ran in it was ended, not forgotten.
  expect(() => process.kill(broken.state.pid!, 0)).toThrow("ESRCH");
});
