import { useState } from "react";
import { NetworkFields, type NetworkForm, toNetworkConfig } from "./network-form.tsx";
import { Button } from "../../components/button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { announce } from "../../components/toast.tsx";
import { useCreateNetwork } from "../../queries/networks.ts";

const empty: NetworkForm = {
  ...{ name: "", subnet: "", gateway: "", subnet6: "" },
  ...{ ipv6: false, internal: false },
};

/** A name is enough; the rest is chosen so that nothing on this machine overlaps. */
export function CreateNetworkDialog(props: { onClose: () => void }) {
  const { onClose } = props;
  const [form, setForm] = useState(empty);
  const create = useCreateNetwork();
  const ready = /^[a-zA-Z0-9]/.test(form.name);
  const submit = (): void => {
    if (!ready || create.isPending) return;
    create.mutate(toNetworkConfig(form), {
      onSuccess: ({ id, subnet }) => {
        announce(`${id} created, ${subnet}`);
        onClose();
      },
    });
  };
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title="New network"
      description="Its containers reach each other by name, and no other network's."
      size="small"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" busy={create.isPending} disabled={!ready} onClick={submit}>
            Create
          </Button>
        </>
      }
    >
      <form
        className="networks__form"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        {create.error && (
          <ErrorNote title="It was not created" error={create.error} onDismiss={create.reset} />
        )}
        <NetworkFields
          form={form}
          set={(change) => {
            setForm({ ...form, ...change });
            if (create.isError) create.reset();
          }}
        />
        <button type="submit" hidden />
      </form>
    </Dialog>
  );
}
