import type { languages } from 'monaco-editor/editor';

/**
 * x86-64 assembly in both spellings: AT&T (`movq %rax, 8(%rdi)`, `$imm`, `.directive`) and Intel (`mov rax, [rdi+8]`, NASM's bare
 * directives). Which one a file has is not asked: their tokens do not collide, but for `#`, which begins a comment in both GNU
 * spellings, and `;`, which does so in NASM and separates statements in GNU, where it is followed by an instruction.
 */
export const assembly: languages.IMonarchLanguage = {
  ignoreCase: true,
  defaultToken: '',
  tokenPostfix: '.asm',
  registers:
    /(?:r(?:[abcd]x|[sd]i|[sb]p|ip|8|9|1[0-5])[bwd]?|e(?:[abcd]x|[sd]i|[sb]p|ip|flags)|[abcd][xhl]|[sd]il?|[sb]pl?|r(?:8|9|1[0-5])[bwdl]|[cdefgs]s|cr[0-8]|dr[0-7]|[xyz]mm(?:[12]?\d|3[01])|k[0-7]|mm[0-7]|st(?:\([0-7]\))?|gdtr|idtr|ldtr|tr|rflags)\b/,
  words: [
    'byte',
    'word',
    'dword',
    'qword',
    'tword',
    'oword',
    'xmmword',
    'ymmword',
    'zmmword',
    'ptr',
    'offset',
    'near',
    'far',
    'short',
    'rel',
    'strict',
  ],
  prefixes: [
    'rep',
    'repe',
    'repz',
    'repne',
    'repnz',
    'lock',
    'xacquire',
    'xrelease',
    'bnd',
    'notrack',
    'data16',
    'addr32',
  ],
  nasm: [
    'section',
    'segment',
    'global',
    'extern',
    'bits',
    'org',
    'align',
    'default',
    'db',
    'dw',
    'dd',
    'dq',
    'dt',
    'resb',
    'resw',
    'resd',
    'resq',
    'equ',
    'times',
    'incbin',
    'struc',
    'endstruc',
    'istruc',
    'iend',
    'use16',
    'use32',
    'use64',
  ],
  control:
    /(?:j[a-z]{1,4}|call[qlw]?|ret[qlwf]?|lret[qlw]?|iret[qdw]?|int3?|into|syscall|sysret[ql]?|sysenter|sysexit|loop(?:n?[ez])?|ljmp[qlw]?|lcall[qlw]?|hlt|ud2)\b/,
  system:
    /(?:cli|sti|lgdt[qlw]?|sgdt[qlw]?|lidt[qlw]?|sidt[qlw]?|lldt|sldt|ltr|str|lmsw|smsw|clts|invlpg|invpcid|wbinvd|invd|wrmsr|rdmsr|rdtscp?|rdpmc|cpuid|swapgs|in[bwl]?|out[bwl]?|ins[bwd]|outs[bwd]|xgetbv|xsetbv|vmxon|vmxoff|vmlaunch|vmresume|monitor|mwait|pause|[lms]fence|stac|clac|rdfsbase|wrfsbase|rdgsbase|wrgsbase)\b/,
  tokenizer: {
    root: [
      [/^\s*#\s*(?:include|define|undef|if|ifdef|ifndef|else|elif|endif|error|pragma|line)\b.*$/, 'keyword.directive'],
      { include: '@blank' },
      [
        /%(?:macro|endmacro|define|undef|assign|if\w*|else|elif\w*|endif|rep|endrep|include|rotate|error)\b/,
        'keyword.directive',
      ],
      [/^\s*[A-Za-z_.$@?][\w.$@?]*:/, 'type.identifier'],
      [/^\s*\d+:/, 'type.identifier'],
      [/\.[a-z_][\w.]*/, 'keyword.directive'],
      [/%%@registers/, 'variable.predefined'],
      [/%@registers/, 'variable.predefined'],
      [/@registers/, 'variable.predefined'],
      [/\$?-?0x[\da-f_]+/, 'number.hex'],
      [/\$?-?0b[01_]+\b/, 'number.binary'],
      [/\b[\da-f]+h\b/, 'number.hex'],
      [/\b\d+[fb]\b/, 'type.identifier'],
      [/\$?-?\d[\d_]*(?:\.\d+)?/, 'number'],
      [/\{[a-z_][\w:]*\}/, 'variable.parameter'],
      [/@control/, 'keyword.control'],
      [/@system/, 'keyword.system'],
      [
        /[A-Za-z_][\w$@?]*/,
        {
          cases: {
            '@prefixes': 'keyword.control',
            '@words': 'keyword.directive',
            '@nasm': 'keyword.directive',
            '@default': 'identifier',
          },
        },
      ],
      [/\$[A-Za-z_.][\w.$@]*/, 'variable'],
      // Never over a line: an embedding language ends where its own string does.
      [/"(?:[^"\\]|\\.)*"?/, 'string'],
      [/'(?:[^'\\]|\\.)'?/, 'string'],
      [/[()[\]{}]/, '@brackets'],
      [/[,:+\-*/|&^~<>=!$]/, 'delimiter'],
      [/;/, 'comment', '@semicolon'],
    ],
    blank: [
      [/[ \t\r\n]+/, ''],
      [/\/\*/, 'comment', '@comment'],
      [/\/\/.*$/, 'comment'],
      [/#.*$/, 'comment'],
    ],
    semicolon: [
      [/$/, '', '@pop'],
      [/.*$/, 'comment', '@pop'],
    ],
    comment: [
      [/[^/*]+/, 'comment'],
      [/\*\//, 'comment', '@pop'],
      [/[/*]/, 'comment'],
    ],
  },
};

/** The same between the quotes of a Rust string: with its escapes, and operands in braces (the reference, "Inline assembly"). */
export const assemblyInRust: languages.IMonarchLanguage = {
  ...assembly,
  tokenizer: {
    ...assembly.tokenizer,
    root: [
      [/\\"[^"\\]*\\"/, 'string'],
      [/\\[nrt0\\]/, 'string.escape'],
      [/\{\{|\}\}/, 'delimiter'],
      [/\{[\w:]*\}/, 'variable.parameter'],
      ...(assembly.tokenizer.root ?? []),
    ],
  },
};

export const assemblyConfiguration: languages.LanguageConfiguration = {
  comments: { lineComment: '#', blockComment: ['/*', '*/'] },
  brackets: [
    ['(', ')'],
    ['[', ']'],
    ['{', '}'],
  ],
  autoClosingPairs: [
    { open: '(', close: ')' },
    { open: '[', close: ']' },
    { open: '"', close: '"', notIn: ['string', 'comment'] },
  ],
  wordPattern: /[%.$]?[A-Za-z_][\w$@.]*/,
};
