import { useStates } from "../../api/applications";
import { Label } from "../../parts/Label";
import { TONES } from "../../parts/WorkloadTable";
import { useText } from "../../text";
import { number } from "../../text/format";

/** How many services of an application are in which state, over all devices. */
export function States({ name }: { name: string }) {
  const words = useText().applications;
  const counts = useStates(name).data ?? {};
  const known = Object.keys(words.states).filter(state => state in counts);
  const shown = [...known, ...Object.keys(counts).filter(state => !known.includes(state))];
  return shown.map(state => (
    <span key={state} data-state={state}>
      <Label tone={TONES[state]}>
        {number(counts[state] ?? 0)} {words.states[state] ?? words.unknown}
      </Label>{" "}
    </span>
  ));
}
