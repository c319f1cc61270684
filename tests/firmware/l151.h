/* tests/firmware/l151.h: the few registers these programs touch.
 * Source: facts sheet stm32l1, head (register blocks), 1.2, 1.4, 5.6, 6, 7.1; RM0038 7.4 (GPIO). */
#ifndef L151_H
#define L151_H

#include <stdint.h>

#define REG(addr) (*(volatile uint32_t *)(addr))

#define RCC_CR     REG(0x40023800)
#define RCC_CFGR   REG(0x40023808)
#define RCC_AHBENR REG(0x4002381C)
enum {
    CR_HSION = 1 << 0,
    CR_HSIRDY = 1 << 1,
    CFGR_SW_HSI = 1,
    CFGR_SWS = 3 << 2,
    CFGR_SWS_HSI = 1 << 2,
    CFGR_HPRE_DIV2 = 8 << 4,
    AHBENR_CRCEN = 1 << 12
};

/* A port is 0 for A, 1 for B ...; its clock is the same bit of AHBENR for A to E. */
#define GPIO(port, offset) REG(0x40020000 + 0x400 * (port) + (offset))
#define GPIO_MODER(port)   GPIO(port, 0x00) /* two bits a pin: 1 is output */
#define GPIO_ODR(port)     GPIO(port, 0x14)
#define GPIO_BSRR(port)    GPIO(port, 0x18) /* 15:0 set, 31:16 reset */

#define CRC_DR REG(0x40023000)
#define CRC_CR REG(0x40023008) /* bit 0: DR = 0xFFFFFFFF */

#define IWDG_KR         REG(0x40003000)
#define IWDG_KR_REFRESH 0xAAAAu /* harmless when it does not run */

#define DBGMCU_IDCODE REG(0xE0042000)
#define IDCODE_DEV_ID 0xFFFu

#endif
