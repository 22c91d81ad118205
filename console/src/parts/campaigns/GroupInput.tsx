import { Select } from "@mantine/core";
import { useText } from "../../text";
import { useGroupsByName } from "../names";

type Props = { groupId: string | null; onChange: (groupId: string | null) => void };

export function GroupInput({ groupId, onChange }: Props) {
  const words = useText().campaigns;
  const groups = useGroupsByName();
  return (
    <Select
      aria-label={words.aims.group}
      placeholder={words.chooseGroup}
      searchable
      nothingFoundMessage={words.noGroups}
      value={groupId}
      onChange={onChange}
      data={[...groups].map(([value, label]) => ({ value, label }))}
    />
  );
}
