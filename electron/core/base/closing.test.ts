import { expect, test } from "vitest";
import { Closing } from "./closing.ts";

test("what fails to close keeps nothing that was opened before it from being closed", async () => {
  const closing = new Closing();
  const done: string[] = [];
  closing.add(() => void done.push("lock"));
  closing.add(() => {
    throw new Error("the database");
  });
  closing.add(() => Promise.reject(new Error("the files")));
  closing.add(async () => {
    await Promise.resolve();
    done.push("tidied");
  });
  await expect(closing.close()).rejects.toThrow("the files");
  expect(done).toEqual(["tidied", "lock"]);
  await closing.close();
  expect(done).toEqual(["tidied", "lock"]);
});
