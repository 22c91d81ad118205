import { Textarea } from "@mantine/core";
import { useText } from "../../text";
import { ProblemLine } from "../ProblemLine";
import type { Aim } from "./aims";
import { DevicesInput } from "./DevicesInput";
import { GroupInput } from "./GroupInput";

type Props = {
  aim: Aim;
  onChange: (aim: Aim) => void;
  /** What the hub says against it. */
  error: string | null;
};

/** Which devices, by group, query or name. */
export function AimFields({ aim, onChange, error }: Props) {
  const words = useText().campaigns;
  return (
    <>
      {aim.by === "group" && (
        <GroupInput groupId={aim.groupId} onChange={groupId => onChange({ ...aim, groupId })} />
      )}
      {aim.by === "query" && (
        <Textarea
          aria-label={words.aims.query}
          description={words.queryHint}
          inputWrapperOrder={["label", "input", "description", "error"]}
          autosize
          spellCheck={false}
          value={aim.query}
          error={error}
          onChange={event => onChange({ ...aim, query: event.currentTarget.value })}
        />
      )}
      {aim.by === "devices" && (
        <DevicesInput
          deviceIds={aim.deviceIds}
          onChange={deviceIds => onChange({ ...aim, deviceIds })}
        />
      )}
      {aim.by !== "query" && error && <ProblemLine error={new Error(error)} />}
    </>
  );
}
