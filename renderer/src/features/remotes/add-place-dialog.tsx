import { useState } from "react";
import { TextField } from "../../components/fields.tsx";
import { announce } from "../../components/notices.ts";
import { useAddPlace } from "../../queries/remotes.ts";
import { fieldError, RequestForm } from "../fields/request-form.tsx";

/** Names a containerd whose socket is not where it usually is. */
export function AddPlaceDialog(props: { onClose: () => void }) {
  const { onClose } = props;
  const [address, setAddress] = useState("");
  const add = useAddPlace();
  const ready = /^(\/|\\\\\.\\pipe\\)\S+$/.test(address.trim());
  return (
    <RequestForm
      title="Add a containerd"
      description="One that runs on this machine, by the path of its socket."
      action="Add"
      failure="It was not added"
      fields={["address"]}
      run={add}
      ready={ready}
      onClose={onClose}
      onSubmit={() =>
        add.mutate(address.trim(), {
          onSuccess: () => {
            announce(`${address.trim()} added`);
            onClose();
          },
        })
      }
    >
      <TextField
        label="Socket"
        mono
        // oxlint-disable-next-line jsx-a11y/no-autofocus
        autoFocus
        placeholder="/run/containerd/containerd.sock"
        value={address}
        onChange={setAddress}
        error={fieldError(add, "address")}
      />
    </RequestForm>
  );
}
