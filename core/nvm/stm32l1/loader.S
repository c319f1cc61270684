@ core/nvm/stm32l1/loader.S: what runs in target RAM on an STM32L1 (Cortex-M3), for the engine in
@ core/loader. Contract: core/include/stl/loader.h. Procedures: RM0038 3.3, facts/stm32l1 3.1, 3.3 to
@ 3.6, 6, 7.2. loader_bytes.h is made from this file by make_loader.sh; a test compares them.
@
@ op 1 PAGE     addr: page; aux: page of the other bank (PARALLBANK); bits 8..13 of op: erase, first half,
@               second half of addr, then the same three of aux; data: 256 bytes of each
@ op 2 SIGNATURE addr; aux: pages; mask_a: where results go (CRC, mix: 8 bytes a page); mask_b: words a page, by fours
@ op 3 DOUBLE   EEPROM double words: addr; aux: how many (<= 32); mask_a: erase; mask_b: write; data
@ op 4 WORD     EEPROM words: addr; aux: how many (<= 32); mask_b: write; data
@ op 0 STOP
@ parameters: 8 FLASH registers; 9 bit 0: VCORE range 1 is allowed (supply >= 1.71 V), bit 1: the
@ hardware watchdog runs
@
@ r4 FLASH, r5 slot, r6 slots to the end of the ring, r7 control block, r8 sequence number awaited,
@ r9 IWDG, r10 done

    .syntax unified
    .cpu cortex-m3
    .thumb

    .equ DONE, 0
    .equ PROOF, 4
    .equ FLAGS, 8
    .equ ADDR, 12
    .equ NONCE, 16
    .equ RING, 20
    .equ SLOT_BYTES, 24
    .equ SLOTS, 28
    .equ PARAM_FLASH, 32
    .equ PARAM_FLAGS, 36
    .equ SAVED, 64              @ PWR_CR, RCC_CR, RCC_CFGR, AHBENR, APB1ENR

    .equ OP, 0
    .equ SLOT_ADDR, 4
    .equ AUX, 8
    .equ MASK_A, 12
    .equ MASK_B, 16
    .equ DATA, 20

    .equ PECR, 0x04
    .equ SR, 0x18
    .equ SR_ERRORS, 0x3F00

    .equ RCC, 0x40023800
    .equ CFGR, 0x08
    .equ AHBENR, 0x1C
    .equ APB1ENR, 0x24
    .equ PWR, 0x40007000
    .equ CRC, 0x40023000
    .equ IWDG, 0x40003000

    .text
    .global _start
_start:
    cpsid   i
    mov     r7, r0
    ldr     r4, [r7, #PARAM_FLASH]
    ldr     r9, =IWDG
    bl      clock_up
    ldr     r8, [r7, #NONCE]
    mvn     r0, r8
    str     r0, [r7, #PROOF]
    mov     r10, #0
wrap:
    ldr     r5, [r7, #RING]
    ldr     r6, [r7, #SLOTS]
next:
    add     r8, r8, #1
    ldr     r0, [r7, #SLOT_BYTES]
    add     r1, r5, r0
wait_slot:
    ldr     r0, [r1, #-4]
    cmp     r0, r8
    bne     wait_slot
    movw    r0, #0xAAAA         @ harmless where no watchdog runs
    str     r0, [r9]
    ldr     r0, [r5, #OP]
    uxtb    r1, r0
    cmp     r1, #1
    beq     page
    cmp     r1, #2
    beq     signature
    cmp     r1, #3
    beq     double
    cmp     r1, #4
    beq     word
    bl      clock_down          @ STOP
    add     r10, r10, #1
    str     r10, [r7, #DONE]
stopped:
    bkpt    #0
    b       stopped
finished:
    movs    r0, #0
    str     r0, [r4, #PECR]     @ no mode bits while idle; the locks are open and stay so
    add     r10, r10, #1
    str     r10, [r7, #DONE]
    ldr     r0, [r7, #SLOT_BYTES]
    add     r5, r5, r0
    subs    r6, r6, #1
    bne     next
    b       wrap

@ ---- flash pages: erase, then the halves; both banks in one operation where both want the same
page:
    lsr     r11, r0, #8         @ flags
    movw    r12, #0x208         @ ERASE | PROG
    movs    r3, #0              @ offset in the page
    bl      step
    lsr     r11, r11, #1
    movw    r12, #0x408         @ FPRG | PROG
    bl      step
    lsr     r11, r11, #1
    movs    r3, #128
    bl      step
    b       finished

@ r11 bit 0: this step for addr, bit 3: for aux; r12: PECR; r3: offset
step:
    push    {lr}
    and     r0, r11, #9
    cmp     r0, #9
    bne     1f
    orr     r0, r12, #0x8000    @ PARALLBANK
    str     r0, [r4, #PECR]
    ldr     r1, [r5, #SLOT_ADDR]
    add     r2, r5, #DATA
    bl      trigger
    ldr     r1, [r5, #AUX]
    add     r2, r5, #DATA
    add     r2, r2, #256
    bl      trigger
    bl      wait_ready
    pop     {pc}
1:  tst     r11, #1
    beq     2f
    str     r12, [r4, #PECR]
    ldr     r1, [r5, #SLOT_ADDR]
    add     r2, r5, #DATA
    bl      trigger
    bl      wait_ready
2:  tst     r11, #8
    beq     3f
    str     r12, [r4, #PECR]
    ldr     r1, [r5, #AUX]
    add     r2, r5, #DATA
    add     r2, r2, #256
    bl      trigger
    bl      wait_ready
3:  pop     {pc}

@ erase: a write to the first word; program: 32 words. r1: page, r2: data of the page, r3: offset
trigger:
    add     r1, r1, r3
    str     r1, [r7, #ADDR]
    tst     r12, #0x200
    beq     1f
    movs    r0, #0
    str     r0, [r1]
    bx      lr
1:  add     r2, r2, r3
    push    {r3-r6}
    movs    r3, #8
2:  ldm     r2!, {r0, r4, r5, r6}
    stm     r1!, {r0, r4, r5, r6}
    subs    r3, r3, #1
    bne     2b
    pop     {r3-r6}
    bx      lr

@ the loop changes nothing but r0 and the flags
wait_ready:
    ldr     r0, [r4, #SR]
    lsls    r1, r0, #31
    bmi     wait_ready
    tst     r0, #SR_ERRORS
    bne     failed
    movw    r0, #0xAAAA
    str     r0, [r9]
    bx      lr

failed:
    str     r0, [r7, #FLAGS]
    movs    r1, #0
    str     r1, [r4, #PECR]
    mov     r1, #SR_ERRORS
    str     r1, [r4, #SR]
    orr     r10, r10, #0x80000000
    str     r10, [r7, #DONE]
1:  bkpt    #1
    b       1b

@ ---- signatures: the CRC unit, and a second word that shares nothing with it
signature:
    push    {r4, r6, r8, r9}
    ldr     r0, [r5, #SLOT_ADDR]
    ldr     r1, [r5, #AUX]
    ldr     r2, [r5, #MASK_A]
    ldr     r4, =CRC
    ldr     r6, =0x85EBCA6B
1:  movs    r3, #1
    str     r3, [r4, #8]        @ CR.RESET
    ldr     r3, [r5, #MASK_B]
    lsr     r3, r3, #2
    ldr     r12, =0x2545F491
2:  ldm     r0!, {r8, r9, r11, lr}
    .irp    word, r8, r9, r11, lr
    str     \word, [r4]
    eor     r12, r12, \word
    mul     r12, r12, r6
    ror     r12, r12, #13
    .endr
    subs    r3, r3, #1
    bne     2b
    ldr     r3, [r4]
    str     r3, [r2], #4
    str     r12, [r2], #4
    subs    r1, r1, #1
    bne     1b
    pop     {r4, r6, r8, r9}
    b       finished

@ ---- data EEPROM
double:
    ldr     r11, [r5, #SLOT_ADDR]
    ldr     r3, [r5, #AUX]
    ldr     r12, [r5, #MASK_A]
    ldr     r2, [r5, #MASK_B]
    add     r1, r5, #DATA
1:  str     r11, [r7, #ADDR]
    lsrs    r12, r12, #1
    bcc     2f
    mov     r0, #0x210          @ ERASE | DATA
    str     r0, [r4, #PECR]
    movs    r0, #0
    str     r0, [r11]
    str     r0, [r11, #4]
    push    {r1}
    bl      wait_ready
    pop     {r1}
2:  lsrs    r2, r2, #1
    bcc     3f
    mov     r0, #0x410          @ FPRG | DATA
    str     r0, [r4, #PECR]
    ldr     r0, [r1]
    str     r0, [r11]
    ldr     r0, [r1, #4]
    str     r0, [r11, #4]
    push    {r1}
    bl      wait_ready
    pop     {r1}
3:  add     r11, r11, #8
    adds    r1, r1, #8
    subs    r3, r3, #1
    bne     1b
    b       finished

word:
    ldr     r11, [r5, #SLOT_ADDR]
    ldr     r3, [r5, #AUX]
    ldr     r2, [r5, #MASK_B]
    add     r12, r5, #DATA
    movs    r0, #0
    str     r0, [r4, #PECR]
1:  str     r11, [r7, #ADDR]
    ldr     r0, [r12], #4
    lsrs    r2, r2, #1
    bcc     2f
    str     r0, [r11]
    bl      wait_ready
2:  add     r11, r11, #4
    subs    r3, r3, #1
    bne     1b
    b       finished

@ ---- HSI, 16 MHz in VCORE range 1, 8 MHz in range 2: no wait states in either
clock_up:
    ldr     r0, =RCC
    ldr     r1, =PWR
    ldr     r2, [r0, #AHBENR]
    str     r2, [r7, #SAVED + 12]
    orr     r2, r2, #0x9000     @ FLITFEN, CRCEN
    str     r2, [r0, #AHBENR]
    ldr     r2, [r0, #APB1ENR]
    str     r2, [r7, #SAVED + 16]
    orr     r2, r2, #0x10000000 @ PWREN
    str     r2, [r0, #APB1ENR]
    ldr     r2, [r1]
    str     r2, [r7, #SAVED]
    ldr     r3, [r7, #PARAM_FLAGS]
    mov     r12, #0x81          @ HSI, HPRE / 2
    tst     r3, #1
    beq     2f
    mov     r12, #0x01
    bic     r2, r2, #0x1800
    orr     r2, r2, #0x0800     @ VOS: range 1
    str     r2, [r1]
1:  ldr     r2, [r1, #4]
    tst     r2, #0x10           @ VOSF
    bne     1b
2:  ldr     r2, [r0]
    str     r2, [r7, #SAVED + 4]
    orr     r2, r2, #1          @ HSION
    str     r2, [r0]
3:  ldr     r2, [r0]
    tst     r2, #2              @ HSIRDY
    beq     3b
    ldr     r2, [r0, #CFGR]
    str     r2, [r7, #SAVED + 8]
    str     r12, [r0, #CFGR]
4:  ldr     r2, [r0, #CFGR]
    and     r2, r2, #0xC
    cmp     r2, #4              @ SWS: HSI
    bne     4b
    tst     r3, #2
    beq     5f
    movw    r2, #0x5555         @ the watchdog: as slow as it goes, 18 s at least
    str     r2, [r9]
    movs    r2, #6
    str     r2, [r9, #4]
    movw    r2, #0xFFF
    str     r2, [r9, #8]
    movw    r2, #0xAAAA
    str     r2, [r9]
5:  bx      lr

clock_down:
    movs    r2, #0
    str     r2, [r4, #PECR]
    ldr     r0, =RCC
    ldr     r1, =PWR
    ldr     r2, [r7, #SAVED + 8]
    str     r2, [r0, #CFGR]
    and     r2, r2, #3
1:  ldr     r3, [r0, #CFGR]
    ubfx    r3, r3, #2, #2
    cmp     r3, r2
    bne     1b
    ldr     r2, [r7, #SAVED + 4]
    str     r2, [r0]
    ldr     r2, [r7, #SAVED]
    str     r2, [r1]
    ldr     r2, [r7, #SAVED + 12]
    str     r2, [r0, #AHBENR]
    ldr     r2, [r7, #SAVED + 16]
    str     r2, [r0, #APB1ENR]
    bx      lr

    .ltorg
    .balign 4
