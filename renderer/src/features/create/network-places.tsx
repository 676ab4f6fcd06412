import { Disclosure } from "../../components/disclosure.tsx";
import { TextField } from "../../components/fields.tsx";
import type { Network } from "#shared/contract/networks";
import { type NetworkForm, noPlace, type Place, placesSummary } from "./network-form.ts";

/** Where it is found in each of its networks: addresses and names that are asked for rather than chosen. */
export function NetworkPlaces(props: {
  networks: readonly Network[];
  places: NetworkForm["places"];
  onPlace: (name: string, place: Place) => void;
  error: string | undefined;
}) {
  const { networks, places, onPlace, error } = props;
  return (
    <Disclosure
      label="Addresses and aliases"
      summary={placesSummary(places)}
      force={error !== undefined}
    >
      {networks.map((network) => (
        <PlaceFields
          key={network.id}
          network={network}
          place={places[network.id] ?? noPlace}
          onPlace={(place) => onPlace(network.id, place)}
        />
      ))}
      {error !== undefined && (
        <p className="create__fault" role="alert">
          {error}
        </p>
      )}
    </Disclosure>
  );
}

/** Where it is found in one network. */
export function PlaceFields(props: {
  network: Network;
  place: Place;
  onPlace: (place: Place) => void;
}) {
  const { network, place, onPlace } = props;
  const field = (key: keyof Place, label: string, placeholder: string) => (
    <TextField
      mono
      {...{ label, placeholder }}
      value={place[key]}
      onChange={(value) => onPlace({ ...place, [key]: value })}
    />
  );
  return (
    <fieldset className="create__place">
      <legend>
        In {network.id} <span className="mono dim">{network.subnet}</span>
      </legend>
      <div className="create__two">
        {field("ip4", "IPv4 address", "a free one")}
        {network.subnet6 !== undefined && field("ip6", "IPv6 address", "a free one")}
        {field("mac", "MAC address", "made up")}
        {field("aliases", "Aliases", "db database")}
      </div>
    </fieldset>
  );
}
