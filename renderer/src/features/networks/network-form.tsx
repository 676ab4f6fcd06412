import type { NetworkConfig } from "#shared/contract/networks";
import { Checkbox, TextField } from "../../components/fields.tsx";

/** As it is typed. */
export interface NetworkForm {
  name: string;
  subnet: string;
  gateway: string;
  ipv6: boolean;
  subnet6: string;
  internal: boolean;
}

export function toNetworkConfig(form: NetworkForm): NetworkConfig {
  const { name, subnet, gateway, ipv6, subnet6, internal } = form;
  return {
    name: name.trim(),
    subnet: subnet.trim() || undefined,
    gateway: gateway.trim() || undefined,
    ...(ipv6 ? { ipv6, subnet6: subnet6.trim() || undefined } : {}),
    internal,
  };
}

export function NetworkFields(props: {
  form: NetworkForm;
  set: (change: Partial<NetworkForm>) => void;
}) {
  const { form, set } = props;
  return (
    <>
      <TextField
        label="Name"
        // oxlint-disable-next-line jsx-a11y/no-autofocus
        autoFocus
        value={form.name}
        onChange={(name) => set({ name })}
      />
      <div className="create__two">
        <TextField
          label="Subnet"
          mono
          placeholder="a free one"
          value={form.subnet}
          onChange={(subnet) => set({ subnet })}
          hint="10.89.0.0/24"
        />
        <TextField
          label="Gateway"
          mono
          placeholder="its first address"
          value={form.gateway}
          onChange={(gateway) => set({ gateway })}
        />
      </div>
      <Checkbox
        checked={form.ipv6}
        onChange={(ipv6) => set({ ipv6 })}
        label="With IPv6"
        hint="Each container has an address of both kinds."
      />
      {form.ipv6 && (
        <TextField
          label="IPv6 subnet"
          mono
          placeholder="a free one"
          value={form.subnet6}
          onChange={(subnet6) => set({ subnet6 })}
          hint="fd00:89::/64"
        />
      )}
      <Checkbox
        checked={form.internal}
        onChange={(internal) => set({ internal })}
        label="Internal"
        hint="Without a way out: its containers reach each other only."
      />
    </>
  );
}
