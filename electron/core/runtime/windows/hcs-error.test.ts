import { expect, test } from "vitest";
import { AppError } from "#shared/errors";
import { hcsError } from "./hcs-error.ts";

// In the form that hcsshim's SystemError gives the Host Compute Service's words; none was recorded on Windows.
test.each([
  ["hcs::System::CreateProcess web: The system cannot find the file specified.", "NOT_FOUND"],
  [
    "failed to create container: failed to mount container storage: C:\\layer: The system cannot find the path specified.",
    "NOT_FOUND",
  ],
  [
    "hcs::System::CreateProcess web: The user name or password is incorrect. (0x52e)",
    "INVALID_ARGUMENT",
  ],
  [
    "hcs::CreateComputeSystem web: The container operating system does not match the host operating system. (0xc0370101)",
    "FAILED_PRECONDITION",
  ],
  ["hcs::CreateComputeSystem web: Access is denied.", "PERMISSION_DENIED"],
  ["hcs::System::CreateProcess web: The directory name is invalid. (0x10b)", "NOT_FOUND"],
])("%s", (words, code) => {
  const told = new AppError("UNKNOWN", `Container "web" could not be started: ${words}`, {
    output: words,
  });
  const error = hcsError(told);
  expect(error).toMatchObject({ code, details: { output: words, hint: expect.any(String) } });
  expect(error.message).toContain('Container "web" could not be started');
});

test("an unknown command is named, an unknown user's field too", () => {
  const missing = "The system cannot find the file specified.";
  const command = hcsError(new AppError("UNKNOWN", `It could not be run: ${missing}`), "nope");
  expect(command.message).toBe(
    'It could not be run: The system cannot find the file specified ("nope")',
  );
  const user = hcsError(new AppError("UNKNOWN", "The user name or password is incorrect."));
  expect(user.details.field).toBe("user");
});

test("what is not understood stays as it is", () => {
  const told = new AppError("DEADLINE_EXCEEDED", "Start was not answered within 60 s");
  expect(hcsError(told)).toBe(told);
});
