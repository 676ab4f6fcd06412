import { Checkbox, Select, TextField } from "../../components/fields.tsx";
import { useNetworkAbilities, useNetworks } from "../../queries/networks.ts";
import { type NetworkForm, placesOf, placesSummary } from "./network-form.ts";
import { NetworkPlaces } from "./network-places.tsx";

const modes: { value: NetworkForm["mode"]; label: string }[] = [
  { value: "networks", label: "Bridge: a network of its own" },
  { value: "host", label: "Host: this machine’s" },
  { value: "container", label: "Another container’s" },
  { value: "none", label: "None" },
];

/** How it is connected, and which of its ports this machine has. */
export function NetworkFields(props: {
  form: NetworkForm;
  set: (form: NetworkForm) => void;
  errorOf: (field: "networks" | "ports") => string | undefined;
}) {
  const { form, set, errorOf } = props;
  const networks = useNetworks();
  const abilities = useNetworkAbilities();
  const names = [...networks.items.keys()].sort();
  const own = form.mode === "networks";
  const byDefault = [...networks.items.values()].find(({ isDefault }) => isDefault)?.id;
  const chosen = form.names.length > 0 || byDefault === undefined ? form.names : [byDefault];
  const toggle = (name: string, on: boolean): void => {
    const next = on ? [...chosen, name] : chosen.filter((one) => one !== name);
    // The default alone is as good as nothing chosen.
    set({ ...form, names: next.length === 1 && next[0] === byDefault ? [] : next });
  };
  const setPlaces = (places: NetworkForm["places"]): void => {
    // The default one too has to be named, for anything to be asked for in it.
    const named = placesSummary(placesOf(chosen, places)) !== "";
    set({ ...form, places, names: named ? chosen : form.names });
  };
  return (
    <>
      <div className="create__two">
        <Select
          label="Network"
          value={form.mode}
          onChange={(mode) => set({ ...form, mode: mode as NetworkForm["mode"] })}
          options={modes}
          error={
            form.mode === "container" || (own && chosen.length > 0)
              ? undefined
              : errorOf("networks")
          }
        />
        {form.mode === "container" ? (
          <TextField
            label="Whose network"
            mono
            placeholder="name or id"
            value={form.container}
            onChange={(container) => set({ ...form, container })}
            error={errorOf("networks")}
            hint="It has to run when this one starts"
          />
        ) : (
          <TextField
            label="Published ports"
            mono
            placeholder="8080:80 53/udp"
            value={own ? form.ports : ""}
            disabled={!own || abilities?.ports.ok === false}
            onChange={(ports) => set({ ...form, ports })}
            error={errorOf("ports")}
            hint={
              abilities?.ports.ok === false
                ? abilities.ports.reason
                : "This machine's, then its own; one alone: a free one is picked"
            }
          />
        )}
      </div>
      {own && names.length > 1 && (
        <fieldset className="create__networks">
          <legend>Connected to</legend>
          {names.map((name) => (
            <Checkbox
              key={name}
              label={name}
              checked={chosen.includes(name)}
              disabledReason={
                chosen.length === 1 &&
                chosen[0] === name &&
                "Choose another one first, or no network"
              }
              onChange={(on) => toggle(name, on)}
            />
          ))}
        </fieldset>
      )}
      {own && chosen.length > 0 && (
        <NetworkPlaces
          networks={chosen.flatMap((name) => networks.items.get(name) ?? [])}
          places={placesOf(chosen, form.places)}
          onPlace={(name, place) => setPlaces({ ...form.places, [name]: place })}
          error={errorOf("networks")}
        />
      )}
    </>
  );
}
