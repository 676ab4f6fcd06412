import {
  CircleCheck,
  Ellipsis,
  LogIn,
  LogOut,
  PencilLine,
  Trash2,
  TriangleAlert,
} from "lucide-react";
import { useState } from "react";
import { isLoopback } from "#shared/base/loopback";
import type { Registry } from "#shared/contract/registries";
import { Button, IconButton } from "../../components/button.tsx";
import { ConfirmDialog } from "../../components/dialog.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { Icon } from "../../components/icon.tsx";
import { Menu } from "../../components/menu.tsx";
import { announce } from "../../components/notices.ts";
import { useRemoveRegistry, useSignOut, useTestRegistry } from "../../queries/registries.ts";
import { openOverlay } from "../../state/overlays.ts";

/** Where credentials lie. */
export const keptWords: Record<NonNullable<Registry["credentials"]>, string> = {
  keychain: "in the system’s keychain",
  file: "in a file that only this user can read",
  "auth-file": "in docker’s or podman’s file",
  helper: "with a credential helper",
};

export function RegistryRow(props: { registry: Registry }) {
  const { registry } = props;
  const { id, own, user, credentials } = registry;
  const test = useTestRegistry();
  const signOut = useSignOut();
  const remove = useRemoveRegistry();
  const [removing, setRemoving] = useState(false);
  const ours = credentials === "keychain" || credentials === "file";
  const failed = signOut.error ?? remove.error;
  const signIn = (): void => openOverlay({ kind: "sign-in", host: id });
  return (
    <div role="row" className="registries__row">
      <div className="registries__cells">
        <b role="cell" className="truncate selectable" title={id}>
          {id}
        </b>
        <span role="cell" className="registries__user">
          {user === undefined ? (
            <span className="dim">no</span>
          ) : (
            <>
              <span className="truncate">{user}</span>
              {credentials && (
                <span className="registries__kept dim truncate" title={keptWords[credentials]}>
                  {keptWords[credentials]}
                </span>
              )}
            </>
          )}
        </span>
        <span role="cell" className="registries__reached muted">
          <Reached registry={registry} />
        </span>
        <span role="cell" className="registries__actions">
          <Button variant="ghost" busy={test.isPending} onClick={() => test.mutate(id)}>
            Test
          </Button>
          {user === undefined ? (
            <Button variant="ghost" icon={LogIn} onClick={signIn}>
              Sign in
            </Button>
          ) : (
            <Button
              variant="ghost"
              icon={LogOut}
              busy={signOut.isPending}
              disabledReason={
                !ours && credentials && `What it knows lies ${keptWords[credentials]}`
              }
              onClick={() =>
                signOut.mutate(id, { onSuccess: () => announce(`Signed out of ${id}`) })
              }
            >
              Sign out
            </Button>
          )}
          <Menu
            entries={[
              {
                label: "How it is reached…",
                icon: PencilLine,
                onSelect: () => openOverlay({ kind: "registry", host: id }),
              },
              {
                label: user === undefined ? "Sign in…" : "Sign in as another…",
                icon: LogIn,
                onSelect: signIn,
              },
              { kind: "separator" },
              {
                label: "Forget…",
                icon: Trash2,
                danger: true,
                disabledReason: !own && !ours && "Nothing was set for it here",
                onSelect: () => setRemoving(true),
              },
            ]}
          >
            <IconButton size="small" icon={Ellipsis} label={`More for ${id}`} />
          </Menu>
        </span>
      </div>
      {test.data && <TestResult host={id} result={test.data} onDismiss={test.reset} />}
      {test.error && (
        <ErrorNote
          className="registries__note"
          title={`${id} was not tested`}
          error={test.error}
          onDismiss={test.reset}
        />
      )}
      {failed && (
        <ErrorNote
          className="registries__note"
          title={signOut.error ? "Not signed out" : "It was not forgotten"}
          error={failed}
          onDismiss={() => {
            signOut.reset();
            remove.reset();
          }}
        />
      )}
      {removing && (
        <ConfirmDialog
          open
          onOpenChange={setRemoving}
          title={`Forget ${id}?`}
          action="Forget"
          onConfirm={() => remove.mutate(id, { onSuccess: () => announce(`${id} forgotten`) })}
        >
          <p>
            Its mirrors, how it is trusted{ours && `, and that you are ${user} there`}. Images that
            came from it stay.
          </p>
        </ConfirmDialog>
      )}
    </div>
  );
}

/** What differs from HTTPS, by itself. */
function Reached(props: { registry: Registry }) {
  const { id, mirrors, insecure, ca } = props.registry;
  const usual = isLoopback(id) ? "HTTPS, else HTTP: it is this machine" : "HTTPS";
  const parts = [
    mirrors.length > 0 && `over ${mirrors.join(", ")}`,
    ca !== undefined && `trusting ${ca}`,
  ].filter(Boolean);
  const text = parts.join(", ");
  return (
    <>
      {insecure && (
        <span className="registries__insecure">
          <Icon of={TriangleAlert} size={13} /> not verified
        </span>
      )}
      <span className="truncate" title={text || (insecure ? undefined : usual)}>
        {text || (!insecure && <span className="dim">{usual}</span>)}
      </span>
    </>
  );
}

function TestResult(props: {
  host: string;
  result: NonNullable<ReturnType<typeof useTestRegistry>["data"]>;
  onDismiss: () => void;
}) {
  const { host, result, onDismiss } = props;
  const { ok, needsSignIn, user, error } = result;
  if (!ok) {
    return (
      <ErrorNote
        className="registries__note"
        title={`${host} can't be used`}
        error={error ?? { code: "UNKNOWN", message: "It gave no reason", details: {} }}
        onDismiss={onDismiss}
        actions={
          needsSignIn && (
            <Button variant="link" onClick={() => openOverlay({ kind: "sign-in", host })}>
              Sign in…
            </Button>
          )
        }
      />
    );
  }
  return (
    <p className="registries__result" role="status">
      <Icon of={CircleCheck} size={14} />
      {user !== undefined ? (
        <>It answers, and knows you as {user}.</>
      ) : needsSignIn ? (
        <>
          It answers, and lets nobody in without signing in.{" "}
          <Button variant="link" onClick={() => openOverlay({ kind: "sign-in", host })}>
            Sign in…
          </Button>
        </>
      ) : (
        <>It answers, also to nobody in particular.</>
      )}
    </p>
  );
}
