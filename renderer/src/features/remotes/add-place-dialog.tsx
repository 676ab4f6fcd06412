import { useState } from "react";
import { Button } from "../../components/button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { TextField } from "../../components/fields.tsx";
import { announce } from "../../components/toast.tsx";
import { useAddPlace } from "../../queries/remotes.ts";

/** Names a containerd whose socket is not where it usually is. */
export function AddPlaceDialog(props: { onClose: () => void }) {
  const { onClose } = props;
  const [address, setAddress] = useState("");
  const add = useAddPlace();
  const ready = /^(\/|\\\\\.\\pipe\\)\S+$/.test(address.trim());
  const submit = (): void => {
    if (!ready || add.isPending) return;
    add.mutate(address.trim(), {
      onSuccess: () => {
        announce(`${address.trim()} added`);
        onClose();
      },
    });
  };
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title="Add a containerd"
      description="One that runs on this machine, by the path of its socket."
      size="small"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" busy={add.isPending} disabled={!ready} onClick={submit}>
            Add
          </Button>
        </>
      }
    >
      <form
        className="remotes__form"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        {add.error && <ErrorNote error={add.error} onDismiss={add.reset} />}
        <TextField
          label="Socket"
          mono
          // oxlint-disable-next-line jsx-a11y/no-autofocus
          autoFocus
          placeholder="/run/containerd/containerd.sock"
          value={address}
          onChange={setAddress}
        />
      </form>
    </Dialog>
  );
}
