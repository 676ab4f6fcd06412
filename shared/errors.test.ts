import { expect, test } from "vitest";
import { AppError } from "./errors.ts";

const ofSystem = (code: string, message: string): Error =>
  Object.assign(new Error(message), { code });

test("what the system refuses is said without the names that Node gives it", () => {
  const missing = ofSystem("ENOENT", "ENOENT: no such file or directory, open '/srv/a, b.tar'");
  expect(AppError.wrap(missing, "It can't be read")).toMatchObject({
    code: "NOT_FOUND",
    message: "It can't be read: no such file or directory: /srv/a, b.tar",
  });
  expect(AppError.wrap(missing, "/srv/a, b.tar can't be read").message).toBe(
    "/srv/a, b.tar can't be read: no such file or directory",
  );
  const full = ofSystem("ENOSPC", "ENOSPC: no space left on device, write");
  expect(AppError.from(full)).toMatchObject({
    code: "RESOURCE_EXHAUSTED",
    message: "no space left on device",
  });
  const other = ofSystem("ECONNREFUSED", "connect ECONNREFUSED 127.0.0.1:5000");
  expect(AppError.from(other).message).toBe("connect ECONNREFUSED 127.0.0.1:5000");
});
