import { Kbd, Modal, Table } from "@mantine/core";
import { useMay } from "../session/access";
import { useText } from "../text";
import { isApple } from "./Palette";
import { offered } from "./pages";

/** `?`: every key there is. */
export function KeyHelp({ onClose }: { onClose: () => void }) {
  const { shell: text, common } = useText();
  const may = useMay();
  const keys: [string[], string][] = [
    [[isApple ? "⌘" : "Ctrl", "K"], text.keyList.palette],
    [["/"], text.keyList.search],
    [["?"], text.keyList.help],
    [["Esc"], text.keyList.escape],
    ...offered(may).map((page): [string[], string] => [
      ["g", page.key],
      text.keyList.go(text.pages[page.name]),
    ]),
  ];
  return (
    <Modal
      opened
      onClose={onClose}
      title={text.keys}
      closeButtonProps={{ "aria-label": common.close }}
    >
      <Table verticalSpacing={5}>
        <Table.Tbody>
          {keys.map(([pressed, does]) => (
            <Table.Tr key={does}>
              <Table.Td w={110}>
                {pressed.map(key => (
                  <Kbd key={key} mr={4}>
                    {key}
                  </Kbd>
                ))}
              </Table.Td>
              <Table.Td>{does}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Modal>
  );
}
