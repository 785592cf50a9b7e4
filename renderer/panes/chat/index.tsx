import { stopAnswer } from '../../state/chat/answer.ts';
import { deleteConversation, startConversation } from '../../state/chat/conversations.ts';
import { loadChat } from '../../state/chat/keeping.ts';
import { isAnswering, useChat } from '../../state/chat/store.ts';
import { rate, toMarkdown } from '../../state/chat/tree.ts';
import { downloadFile } from '../../widgets/clipboard.ts';
import { StatusEntry } from '../../widgets/StatusEntry.tsx';
import { registerStatusItem } from '../../workbench/contributions.ts';
import { showPane } from '../../workbench/dock.ts';
import { registerPane } from '../../workbench/panes.ts';
import { ChatPane } from './ChatPane.tsx';

void loadChat();

function RateStatus() {
  const perSecond = useChat(({ lastRate }) => lastRate);
  const live = useChat(isAnswering);
  if (perSecond === null) return null;
  return (
    <StatusEntry title="Speed of the last answer" onClick={() => showPane('chat')}>
      {live ? 'answering' : `${rate(perSecond)} tokens/s`}
    </StatusEntry>
  );
}

registerStatusItem({ id: 'chat.rate', side: 'left', order: 30, component: RateStatus });

const hasMessages = () => useChat.getState().current.roots.length > 0;
const fileName = (extension: string) =>
  `${useChat
    .getState()
    .current.title.replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-|-$/g, '')
    .toLowerCase()
    .slice(0, 40)}.${extension}`;

registerPane({
  id: 'chat',
  title: 'Chat',
  icon: 'comment-discussion',
  component: ChatPane,
  defaultLocation: 'right',
  order: 10,
  commands: [
    { id: 'chat.new', title: 'New Conversation', category: 'Chat', run: startConversation },
    {
      id: 'chat.focus',
      title: 'Go to Chat',
      category: 'Chat',
      keybinding: 'Mod+Alt+I',
      run: () => showPane('chat'),
    },
    {
      id: 'chat.stop',
      title: 'Stop the Answer',
      category: 'Chat',
      when: () => isAnswering(useChat.getState()),
      run: stopAnswer,
    },
    { id: 'chat.delete', title: 'Delete Conversation', category: 'Chat', when: hasMessages, run: deleteConversation },
    {
      id: 'chat.exportMarkdown',
      title: 'Export Conversation as Markdown',
      category: 'Chat',
      when: hasMessages,
      run: () => downloadFile(fileName('md'), [toMarkdown(useChat.getState().current)], 'text/markdown'),
    },
    {
      id: 'chat.exportJson',
      title: 'Export Conversation as JSON',
      category: 'Chat',
      when: hasMessages,
      run: () =>
        downloadFile(fileName('json'), [JSON.stringify(useChat.getState().current, null, 2)], 'application/json'),
    },
  ],
});
