import { Button, Modal, SegmentedControl, Stack, Textarea, TextInput } from "@mantine/core";
import { useMemo, useState } from "react";
import { useChange } from "../../api/change";
import { fleet, useFleet } from "../../live/fleet";
import { SearchIcon } from "../../parts/icons";
import { Actions, Hint } from "../../parts/Label";
import { useCompact } from "../../parts/useCompact";
import { useText } from "../../text";
import { DeviceList } from "./DeviceList";
import { addMembers, GROUPS, type Group } from "./data";
import { pasted } from "./ids";
import { hiddenOf, matching, toggled } from "./matching";

const MOST_NAMED = 5;

/** Devices for a group: by search, or by a list of ids from elsewhere. */
export function AddDialog({ group, onClose }: { group: Group; onClose: () => void }) {
  const text = useText();
  const words = text.groups;
  const [way, setWay] = useState("search");
  const [list, setList] = useState("");
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const isMember = (id: string) => fleet.device(id)?.groupIds.includes(group.id) === true;
  const found = pasted(list, id => fleet.device(id) !== undefined, isMember);
  const ids = way === "search" ? [...chosen] : found.found;
  const change = useChange(() => addMembers(group.id, ids), {
    stale: [GROUPS],
    done: words.added(ids.length),
    onDone: onClose,
  });
  return (
    <Modal
      opened
      onClose={onClose}
      title={words.addTitle(group.name)}
      size="lg"
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <Stack gap="sm">
        <SegmentedControl
          size="xs"
          value={way}
          onChange={setWay}
          data={[
            { value: "search", label: words.bySearch },
            { value: "paste", label: words.byPaste },
          ]}
        />
        {way === "search" ? (
          <BySearch groupId={group.id} chosen={chosen} onChosen={setChosen} />
        ) : (
          <>
            <Textarea
              label={words.paste}
              description={words.pasteHint}
              rows={8}
              data-autofocus
              spellCheck={false}
              value={list}
              onChange={event => setList(event.currentTarget.value)}
            />
            <div role="status">
              {found.found.length > 0 && <Hint>{words.pasteFound(found.found.length)}</Hint>}
              {found.members.length > 0 && <Hint>{words.pasteMembers(found.members.length)}</Hint>}
              {found.unknown.length > 0 && (
                <Hint>
                  {words.pasteUnknown(
                    found.unknown.length,
                    found.unknown.slice(0, MOST_NAMED).join(", "),
                  )}
                </Hint>
              )}
            </div>
          </>
        )}
        <Actions>
          <Button variant="default" onClick={onClose}>
            {text.common.cancel}
          </Button>
          <Button
            disabled={ids.length === 0}
            loading={change.isPending}
            onClick={() => change.mutate(undefined)}
          >
            {words.addCount(ids.length)}
          </Button>
        </Actions>
      </Stack>
    </Modal>
  );
}

type SearchProps = {
  groupId: string;
  chosen: ReadonlySet<string>;
  onChosen: (chosen: ReadonlySet<string>) => void;
};

function BySearch({ groupId, chosen, onChosen }: SearchProps) {
  const compact = useCompact();
  const words = useText().groups;
  const [q, setQ] = useState("");
  const devices = useFleet(({ devices }) => devices);
  const roster = useFleet(({ roster }) => roster);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the map is changed in place
  const outside = useMemo(
    () => [...devices.values()].filter(({ groupIds }) => !groupIds.includes(groupId)),
    [devices, roster, groupId],
  );
  const shown = useMemo(() => matching(outside, q), [outside, q]);
  const hidden = hiddenOf(chosen, shown);
  return (
    <>
      <TextInput
        aria-label={words.search}
        placeholder={words.search}
        leftSection={<SearchIcon size={15} />}
        data-autofocus
        value={q}
        onChange={event => setQ(event.currentTarget.value)}
      />
      {hidden > 0 && <Hint>{words.chosenHidden(chosen.size, hidden)}</Hint>}
      {shown.length > 0 ? (
        <DeviceList
          devices={shown}
          compact={compact}
          label={words.members}
          chosen={chosen}
          onChoose={id => onChosen(toggled(chosen, id))}
        />
      ) : (
        <Hint>{outside.length === 0 ? words.allIn : words.noMatch}</Hint>
      )}
    </>
  );
}
