import { useState } from "react";
import { TextField } from "../../components/fields.tsx";
import { announce } from "../../components/notices.ts";
import { useImageActions } from "../../queries/image-actions.ts";
import { useRegistry, useSignIn } from "../../queries/registries.ts";
import { closeOverlay, type Retry } from "../../state/overlays.ts";
import { fieldError, RequestForm } from "../fields/request-form.tsx";
import "./registries.css";

/** User and password of a registry. The registry is asked first; what it refuses is kept nowhere. */
export function SignInDialog(props: { host: string; retry?: Retry | undefined }) {
  const { host, retry } = props;
  const registry = useRegistry(host);
  const [user, setUser] = useState(registry?.user ?? "");
  const [password, setPassword] = useState("");
  const signIn = useSignIn();
  const actions = useImageActions();
  return (
    <RequestForm
      title={`Sign in to ${host}`}
      description={retry && `Then ${retry.reference} is ${retry.direction}ed again.`}
      action="Sign in"
      failure="Not signed in"
      fields={["user", "password"]}
      run={signIn}
      ready={user.trim() !== "" && password !== ""}
      onSubmit={() =>
        signIn.mutate(
          { host, user: user.trim(), password },
          {
            onSuccess: () => {
              closeOverlay();
              announce(`Signed in to ${host} as ${user.trim()}`);
              if (retry?.direction === "pull") {
                void actions.pull(retry.reference, retry.platform);
              } else if (retry) void actions.push(retry.reference);
            },
          },
        )
      }
    >
      <TextField
        label="User"
        // oxlint-disable-next-line jsx-a11y/no-autofocus
        autoFocus
        value={user}
        onChange={setUser}
        error={fieldError(signIn, "user")}
      />
      <TextField
        label="Password or access token"
        type="password"
        value={password}
        onChange={(next) => {
          setPassword(next);
          if (signIn.error) signIn.reset();
        }}
        error={fieldError(signIn, "password")}
        hint={
          host === "docker.io"
            ? "With two-factor sign-in on, docker.io takes an access token only"
            : undefined
        }
      />
      <p className="field__hint">
        It is kept in the system’s keychain; where there is none, in a file that only this user can
        read.{" "}
        {registry?.insecure && "This registry is not verified: the way there may be listened to."}
      </p>
    </RequestForm>
  );
}
